"""/changes: the one order of what changes, for caches."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from kb.actions import following
from kb.api import fields, replies, wire
from kb.api.endpoint import Endpoint


class ChangeParameters(fields.Parameters):
    """From where on."""

    after = fields.Whole(
        required=False, min_value=0, help_text="the last cursor seen; 0 unless set"
    )
    limit = fields.Whole(required=False, min_value=1, max_value=500)


class Changes(Endpoint):
    """Changes of what the key's audience and scope include."""

    parameters = ChangeParameters

    @extend_schema(
        operation_id="changes",
        summary="What changed since?",
        parameters=[ChangeParameters],
        responses={200: replies.ChangeList},
    )
    def get(self, request: Request) -> HttpResponse:
        """List changes in their order; a future `at` applies then, a later item replaces it."""
        items, after = following.changes(
            client=self.client,
            after=self.asked.get("after", 0),
            limit=self.asked.get("limit", 100),
        )
        return wire.reply(wire.text_of({"items": items, "next": after}))
