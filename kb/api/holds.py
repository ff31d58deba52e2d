"""/holds: take something out of service at once, and see what is. Lifting is a person's."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from kb.actions import following, holding, naming
from kb.actions.replaying import Outcome
from kb.actions.work import Actor
from kb.api import fields, replies, wire
from kb.api.endpoint import Endpoint


class HoldRequest(fields.Shape):
    """What to hold, named as the API names it, and why."""

    kind = fields.Choice(holding.TARGETS)
    target = fields.Text(
        max_length=300,
        help_text=(
            "an article's slug, a version's id or slug:number, a passage's id or digest, a fact's "
            "key, a journey's name"
        ),
    )
    reason = fields.Text(max_length=2_000)


class HoldParameters(fields.Parameters):
    """Which page."""

    limit = fields.Whole(required=False, min_value=1, max_value=200)
    cursor = fields.Whole(required=False, min_value=0, help_text="`next` of the page before")


class Holds(Endpoint):
    """The holds that stand."""

    rights = {"GET": "hold", "HEAD": "hold", "POST": "hold"}
    parameters = HoldParameters

    @extend_schema(
        operation_id="hold",
        summary="Take this out of service, now.",
        request=HoldRequest,
        responses={201: replies.StandingHold},
    )
    def post(self, request: Request) -> HttpResponse:
        """Place a hold; from its `placed_at` on no answer cites what it covers."""
        asked = self.read(HoldRequest)
        return self.once(lambda: self._place(asked))

    @extend_schema(
        operation_id="holds",
        summary="What is out of service?",
        parameters=[HoldParameters],
        responses={200: replies.HoldList},
    )
    def get(self, request: Request) -> HttpResponse:
        """List the standing holds, oldest first."""
        items, after = following.standing_holds(
            after=self.asked.get("cursor", 0), limit=self.asked.get("limit", 50)
        )
        body = {"items": items, "next": None if after is None else str(after)}
        return wire.reply(wire.text_of(body))

    def _place(self, asked: dict[str, Any]) -> Outcome:
        hold = holding.place_hold(
            actor=Actor.of(self.client),
            kind=asked["kind"],
            target=naming.hold_target(asked["kind"], asked["target"]),
            reason=asked["reason"],
            client=self.client,
        )
        return Outcome(status=201, text=wire.text_of(following.described(hold)))
