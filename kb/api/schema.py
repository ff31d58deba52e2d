"""How the OpenAPI document is made from the endpoints: one key scheme, one error shape.

Each endpoint states what it gives when it succeeds; every refusal that an endpoint of its kind can
give is added here, so that none is forgotten and none is documented twice. Read by drf-spectacular.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_basic_type
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers

from kb.api.fields import Shape
from kb.api.problems import CONTENT_TYPE

Schema = dict[str, Any]


class ProblemReply(serializers.Serializer[Any]):
    """RFC 9457. `errors` maps each field to what is wrong with it and how to mend it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False
    )
    request_id = serializers.CharField(required=False)


class ClientKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The key's scheme, as OpenAPI says it."""

    target_class = "kb.api.authentication.ClientKeyAuthentication"
    name = "clientKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """Return the scheme: a bearer key."""
        return {"type": "http", "scheme": "bearer", "description": "A client's key."}


_ALWAYS = {
    "401": "No key, or one that is wrong, expired or revoked.",
    "404": "There is no such thing, or it isn't yours to see: the two look the same.",
    "406": "Only application/json can be sent.",
    "422": "A field or parameter can't be used; `errors` names it.",
    "429": "Over the key's rate; `Retry-After` says when to come back.",
    "503": "The gate can't be asked, so nothing is answered.",
}
_WITH_BODY = {
    "400": "The body can't be read.",
    "409": "Refused by a rule, or the same Idempotency-Key is in use.",
    "411": "The body comes without a Content-Length.",
    "413": "The body is too large.",
    "415": "The body isn't application/json.",
}
_PAST = {"403": "The past needs the right `history`."}
_HEADERS = {
    "401": ("WWW-Authenticate", "How to authenticate.", OpenApiTypes.STR),
    "429": ("Retry-After", "Seconds to wait.", OpenApiTypes.INT),
    "503": ("Retry-After", "Seconds to wait.", OpenApiTypes.INT),
}
_IDEMPOTENCY_KEY: Schema = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": (
        "A name of your choice for this request. Sent again with the same body it does nothing "
        "twice and gives the same reply."
    ),
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "pattern": "^[\\x21-\\x7e]{1,200}$",
    },
}


class ProblemAutoSchema(AutoSchema):
    """Adds to each operation the refusals it can give."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Schema | None:
        """Return the operation with every refusal, its shape and its headers."""
        operation: Schema | None = super().get_operation(*args, **kwargs)
        if operation is None or not getattr(self.view, "documents_problems", False):
            return operation
        shape = self.resolve_serializer(ProblemReply, "response").ref
        for status, words in self._refusals().items():
            answer: Schema = {
                "description": words,
                "content": {CONTENT_TYPE: {"schema": shape}},
            }
            if status in _HEADERS:
                name, meaning, kind = _HEADERS[status]
                schema = build_basic_type(kind)
                answer["headers"] = {name: {"description": meaning, "schema": schema}}
            operation["responses"].setdefault(status, answer)
        for status, response in operation["responses"].items():
            response["description"] = response["description"] or HTTPStatus(int(status)).phrase
        operation["responses"] = dict(sorted(operation["responses"].items()))
        if self.method == "POST":
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        return operation

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Return the component's name; `Request` is added by drf-spectacular."""
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Request")

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        mapped = super()._map_basic_serializer(  # type: ignore[no-untyped-call]
            serializer, direction
        )
        schema: Schema = mapped
        if isinstance(serializer, Shape):
            schema["additionalProperties"] = False
        return schema

    def _refusals(self) -> dict[str, str]:
        found = dict(_ALWAYS)
        if self.method == "POST":
            found |= _WITH_BODY
        if self.method in getattr(self.view, "asks_the_past", ()):
            found |= _PAST
        return found
