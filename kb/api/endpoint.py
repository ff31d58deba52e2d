"""What every endpoint of the API does before and after its own work.

In this order: the key, the rate bound to it, the right that the method needs, the parameters. A
missing right looks like a missing address (404). Endpoints then call one action or query and render
its result; the figures of /metrics are taken here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from kb.actions import clients, replaying
from kb.actions.replaying import Outcome
from kb.api import metrics, wire
from kb.api.fields import Parameters
from kb.api.parsing import refuse_large
from kb.api.problems import NO_SUCH_ADDRESS, flat
from kb.errors import Invalid, NotFound
from kb.models import Client, ClientKey

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
Shape = TypeVar("Shape", bound=serializers.Serializer[Any])


class Endpoint(APIView):
    """The base of every endpoint that wants a client's key."""

    http_method_names = ("get", "head", "post")  # OPTIONS isn't there either: 405
    documents_problems = True
    rights: ClassVar[Mapping[str, str]] = {}
    asks_the_past: ClassVar[Collection[str]] = ()
    parameters: ClassVar[type[Parameters] | None] = None
    asked: dict[str, Any]

    @property
    def client(self) -> Client:
        """The client whose key was sent."""
        return self.request.user  # type: ignore[return-value]

    @property
    def key(self) -> ClientKey:
        """The key that was sent."""
        return self.request.auth  # type: ignore[return-value]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serve the request, and count it with its duration."""
        started = time.perf_counter()
        self._allowance: tuple[int, int, int] | None = None
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        metrics.count_request(
            route=request.resolver_match.route if request.resolver_match else "",
            method=request.method or "",
            status=response.status_code,
            seconds=time.perf_counter() - started,
        )
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check key, rate, right and parameters; raises an error of kb.errors."""
        super().initial(request, *args, **kwargs)
        self._allowance = clients.spend(self.client)
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request, *args, **kwargs)
        right = self.rights.get(request.method or "")
        if right is not None and right not in self.client.rights:
            raise NotFound(NO_SUCH_ADDRESS)
        self.asked = self._read_parameters(request)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Say what is left of the rate."""
        final: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if self._allowance is not None:
            limit, remaining, reset = self._allowance
            final["RateLimit-Limit"] = str(limit)
            final["RateLimit-Remaining"] = str(remaining)
            final["RateLimit-Reset"] = str(reset)
        return final

    def read(self, shape: type[Shape]) -> dict[str, Any]:
        """Return the body's fields in `shape`. Raises Malformed or Invalid naming each field."""
        refuse_large(self.request.META)
        return _valid(shape, self.request.data)

    def once(self, do: Callable[[], Outcome]) -> HttpResponse:
        """Return what `do` gives; under an Idempotency-Key, what it gave the first time."""
        key = self.request.headers.get(replaying.HEADER)
        if key is None:
            outcome = do()
        elif not _IDEMPOTENCY_KEY.fullmatch(key):
            raise Invalid({replaying.HEADER: "isn't 1 to 200 printable characters without spaces"})
        else:
            digest = replaying.request_digest(
                address=f"{self.request.method} {self.request.path}", body=self.request.data
            )
            outcome = replaying.once(client=self.client, key=key, digest=digest, do=do)
        self.done(outcome)
        return wire.reply(outcome.text, status=outcome.status)

    def done(self, outcome: Outcome) -> None:
        """Take note of what a POST did, once it is committed. Does nothing unless overridden."""

    def _read_parameters(self, request: Request) -> dict[str, Any]:
        wanted = self.parameters if request.method in ("GET", "HEAD") else None
        given: dict[str, Any] = {}
        for name, values in request.query_params.lists():
            if len(values) > 1:
                raise Invalid({name: "is given more than once; keep one"})
            given[name] = values[0]
        return _valid(wanted or Parameters, given)


def _valid(shape: type[serializers.Serializer[Any]], given: Any) -> dict[str, Any]:
    checked = shape(data=given)
    if not checked.is_valid():
        raise Invalid(flat(checked.errors))
    values: dict[str, Any] = checked.validated_data
    return values
