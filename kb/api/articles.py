"""/articles: what a client may read, through the gate, with ETags for those who keep it."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request

from kb.actions import reading
from kb.api import fields, replies, wire
from kb.api.endpoint import Endpoint

_NOT_MODIFIED = OpenApiResponse(description="What you have is still what governs.")
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="the ETag of what you have"
)
_OF_THE_MOMENT = ("served_at", "valid_until")


class LibraryParameters(fields.Parameters):
    """Which page of the library, and when."""

    as_of = fields.Instant(required=False, help_text="what governed then; right `history`")
    limit = fields.Whole(required=False, min_value=1, max_value=200)
    cursor = fields.Whole(required=False, min_value=0, help_text="`next` of the page before")


class ArticleParameters(fields.Parameters):
    """In which language, and when."""

    as_of = fields.Instant(required=False, help_text="what governed then; right `history`")
    language = fields.Tag(required=False, help_text="the service's own unless set")


class Library(Endpoint):
    """The articles that are in force."""

    asks_the_past = ("GET",)
    parameters = LibraryParameters

    @extend_schema(
        operation_id="articles",
        summary="Which articles may I read?",
        parameters=[LibraryParameters, _IF_NONE_MATCH],
        responses={200: replies.ArticleList, 304: _NOT_MODIFIED},
    )
    def get(self, request: Request) -> HttpResponse:
        """List the versions in force that the key's audience and scope include."""
        items, after = reading.library(
            client=self.client,
            as_of=self.asked.get("as_of"),
            after=self.asked.get("cursor", 0),
            limit=self.asked.get("limit", 50),
        )
        body = {"items": items, "next": None if after is None else str(after)}
        return _tagged(request, body)


class OneArticle(Endpoint):
    """One article's text in force."""

    asks_the_past = ("GET",)
    parameters = ArticleParameters

    @extend_schema(
        operation_id="article",
        summary="What does this article say now?",
        parameters=[ArticleParameters, _IF_NONE_MATCH],
        responses={200: replies.WholeArticle, 304: _NOT_MODIFIED},
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Give the version in force, as far as the key's audience includes it."""
        found = reading.article(client=self.client, key=self.key, slug=slug, **self.asked)
        return _tagged(request, found)


class OneVersion(Endpoint):
    """One version of an article, as long as it may be served."""

    asks_the_past = ("GET",)
    parameters = ArticleParameters

    @extend_schema(
        operation_id="version",
        summary="What does this version say?",
        parameters=[ArticleParameters, _IF_NONE_MATCH],
        responses={200: replies.WholeArticle, 304: _NOT_MODIFIED},
    )
    def get(self, request: Request, slug: str, number: int) -> HttpResponse:
        """Give the version with that number; once it governs no longer, 404."""
        found = reading.article(
            client=self.client, key=self.key, slug=slug, number=number, **self.asked
        )
        return _tagged(request, found)


def _tagged(request: Request, body: dict[str, Any]) -> HttpResponse:
    """Send `body` with its ETag, or 304 where the caller has it. The gate was asked either way."""
    lasting = {name: value for name, value in body.items() if name not in _OF_THE_MOMENT}
    tag = f'"{hashlib.sha256(wire.text_of(lasting).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or tag in [one.removeprefix("W/") for one in known]:
        response = wire.reply("", status=304, headers=headers)
        del response["Content-Type"]
        return response
    return wire.reply(wire.text_of(body), headers=headers)
