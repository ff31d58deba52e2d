"""/answers: ask, look one answer up, recall who was told what."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from kb.actions import answering, recalling
from kb.actions.answering import Question
from kb.actions.recalling import Position
from kb.actions.replaying import Outcome
from kb.api import fields, metrics, replies, wire
from kb.api.endpoint import Endpoint
from kb.conf import MAX_QUERY_CHARACTERS
from kb.errors import Invalid
from policies import scope

MOST_TURNS = 50
MOST_CHARACTERS_OF_A_TURN = 4_000


class Turn(fields.Shape):
    """One turn of the conversation so far."""

    role = fields.Text(max_length=40)
    text = fields.Text(max_length=MOST_CHARACTERS_OF_A_TURN, allow_blank=True)


class AnswerRequest(fields.Shape):
    """A customer's question. Scope terms narrow what is bound to the key, and never widen it."""

    query = fields.Text(min_length=1, max_length=MAX_QUERY_CHARACTERS)
    conversation = fields.Text(required=False, max_length=200, allow_blank=True)
    customer = fields.Text(required=False, max_length=200, allow_blank=True)
    history = Turn(many=True, required=False, max_length=MOST_TURNS)  # type: ignore[call-arg]
    scope = fields.Terms(required=False)
    language = fields.Tag(required=False, allow_null=True)
    as_of = fields.Instant(required=False, allow_null=True)
    known_at = fields.Instant(required=False, allow_null=True)
    max_results = fields.Whole(required=False, min_value=1, max_value=20)


class RecallParameters(fields.Parameters):
    """What to recall by: exactly one of version, article, passage and fact."""

    version = fields.Text(required=False, max_length=140, help_text="its id, or slug:number")
    article = fields.Text(required=False, max_length=120, help_text="its slug")
    passage = fields.Text(required=False, max_length=64, help_text="its id or its digest")
    fact = fields.Text(required=False, max_length=100, help_text="its key")
    purpose = fields.Choice(recalling.PURPOSES, required=False, help_text="live unless set")
    limit = fields.Whole(required=False, min_value=1, max_value=200)
    cursor = fields.Text(required=False, max_length=200, help_text="`next` of the page before")

    def get_fields(self) -> dict[str, Any]:
        """Add `from` and `to`, whose names Python keeps for itself."""
        bounds = {
            "from": fields.Instant(required=False, help_text="served at or after"),
            "to": fields.Instant(required=False, help_text="served before"),
        }
        return {**super().get_fields(), **bounds}


class Answers(Endpoint):
    """Ask a question, or recall the answers that rested on something."""

    rights = {"GET": "recall", "HEAD": "recall"}
    asks_the_past = ("POST",)
    parameters = RecallParameters

    @extend_schema(
        operation_id="ask",
        summary="What governed text answers this?",
        request=AnswerRequest,
        responses={200: replies.AnswerReply},
    )
    def post(self, request: Request) -> HttpResponse:
        """Answer from governed text, ask back, abstain or hand over; recorded before it is sent."""
        asked = self.read(AnswerRequest)
        return self.once(lambda: self._answer(asked))

    @extend_schema(
        operation_id="recall",
        summary="Who was told what?",
        parameters=[RecallParameters],
        responses={200: replies.Recall},
    )
    def get(self, request: Request) -> HttpResponse:
        """List the answers that rested on a version, an article, a passage or a fact."""
        given = {name: self.asked[name] for name in recalling.KINDS if name in self.asked}
        if len(given) != 1:
            wanted = ", ".join(recalling.KINDS)
            raise Invalid({"version": f"give exactly one of {wanted}"})
        [(kind, target)] = given.items()
        page = recalling.recall(
            kind=kind,
            target=target,
            since=self.asked.get("from"),
            until=self.asked.get("to"),
            purpose=self.asked.get("purpose", "live"),
            limit=self.asked.get("limit", 50),
            after=_position(self.asked.get("cursor")),
        )
        return wire.reply(wire.text_of({"items": page.items, "next": _cursor(page.next)}))

    def _answer(self, asked: dict[str, Any]) -> Outcome:
        values = {name: value for name, value in asked.items() if value is not None}
        if "history" in values:
            values["history"] = tuple(dict(turn) for turn in values["history"])
        if "scope" in values:
            values["scope"] = _scope(values["scope"])
        reply = answering.answer(client=self.client, key=self.key, question=Question(**values))
        return Outcome(
            status=200,
            text=wire.text_of(reply),
            answer_id=reply["id"],
            labels=(reply["decision"], reply["reason"]),
        )

    def done(self, outcome: Outcome) -> None:
        """Count the answer, once it is committed."""
        if outcome.labels and not outcome.replayed:
            decision, reason = outcome.labels
            metrics.count_answer(decision=decision, reason=reason)


class OneAnswer(Endpoint):
    """One answer of the ledger."""

    @extend_schema(
        operation_id="answer",
        summary="What became of an answer?",
        responses={200: OpenApiResponse(replies.RecordedAnswer)},
    )
    def get(self, request: Request, answer_id: uuid.UUID) -> HttpResponse:
        """Give an answer as recorded, with what its citations are worth now."""
        found = recalling.own_answer(client=self.client, answer_id=answer_id)
        return wire.reply(wire.text_of(found))


def _scope(terms: dict[str, str]) -> dict[str, str]:
    try:
        return scope.normalise(terms)
    except ValueError as error:
        raise Invalid({"scope": str(error).removeprefix("scope: ")}) from error


def _cursor(position: Position | None) -> str | None:
    if position is None:
        return None
    raw = json.dumps([position.served_at.isoformat(), position.answer_id.hex])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, answer = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        served_at = datetime.fromisoformat(at)
        if served_at.tzinfo is None:
            raise ValueError("no zone")
        return Position(served_at=served_at, answer_id=uuid.UUID(hex=answer))
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise Invalid({"cursor": "isn't the `next` of a page; start without one"}) from error
