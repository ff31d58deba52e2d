"""The one shape of every error under /api: RFC 9457 `application/problem+json`.

`handle` turns whatever went wrong in an endpoint into a status, a stable `code`, words for a
person and, where fields are to blame, `errors`: field -> why. It decides no rule: what an error of
`kb.errors` means is said there. `not_found`, `bad_request` and `server_error` are the project's
handlers for what fails outside an endpoint; pages of the web get Django's own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views import defaults
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as rest

from kb import conf
from kb.errors import (
    Invalid,
    KbError,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)

logger = logging.getLogger("kb.api")

CONTENT_TYPE = "application/problem+json"
API_PREFIX = "/api/"
NO_SUCH_ADDRESS = "There is nothing at this address, or it isn't yours to see."
_CHALLENGE = 'Bearer realm="touchstone"'


@dataclass(frozen=True)
class Problem:
    """What is told of an error. `code` is in docs/errors.md and never changes."""

    status: int
    code: str
    detail: str
    errors: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class Malformed(KbError):
    """The request's body or headers can't be read at all; `fields` names what and where."""

    code = "malformed"
    status = 400

    def __init__(
        self, fields: Mapping[str, str], *, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in fields.items()), code=code)
        self.fields = dict(fields)
        self.status = status


_UNFORESEEN = Problem(
    500,
    "internal_error",
    "Something went wrong here and nothing was answered; the log has it under this request's id.",
)
_FRAMEWORK: dict[type[Exception], Problem] = {
    rest.MethodNotAllowed: Problem(
        405, "method_not_allowed", "This address doesn't take that method."
    ),
    rest.NotAcceptable: Problem(
        406, "not_acceptable", "Only application/json can be sent; accept it."
    ),
    rest.UnsupportedMediaType: Problem(
        415, "unsupported_media_type", "Send the body as application/json, in UTF-8."
    ),
    rest.NotFound: Problem(404, "not_found", NO_SUCH_ADDRESS),
    rest.PermissionDenied: Problem(404, "not_found", NO_SUCH_ADDRESS),
    RequestDataTooBig: Problem(413, "too_large", "The request's body is too large."),
}


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return the response for an error raised in an endpoint (REST framework's hook)."""
    return respond(describe(error))


def respond(problem: Problem) -> HttpResponse:
    """Return `problem` as a response; nothing may keep it."""
    body: dict[str, Any] = {
        "type": f"urn:touchstone:error:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = problem.errors
    if request_id := conf.request_id.get():
        body["request_id"] = request_id
    text = json.dumps(body, ensure_ascii=False)
    response = HttpResponse(
        text.encode("utf-8", "replace"), status=problem.status, content_type=CONTENT_TYPE
    )
    response["Cache-Control"] = "no-store"
    for name, value in problem.headers.items():
        response[name] = value
    return response


def describe(error: Exception) -> Problem:
    """Return what a client is told of `error`. What nobody foresaw is logged and told as 500."""
    match error:
        case KbError():
            return _of_ours(error)
        case OperationalError() | InterfaceError() | PoolTimeout():
            return _of_ours(Unavailable("The database can't be reached. Try again shortly."))
        case Http404() | PermissionDenied():
            return _of_ours(NotFound(NO_SUCH_ADDRESS))
        case rest.APIException() | SuspiciousOperation() | UnreadablePostError():
            return _of_framework(error)
    logger.exception("an error nobody foresaw", exc_info=error)
    return _UNFORESEEN


def _of_ours(error: KbError) -> Problem:
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _CHALLENGE
    if isinstance(error, TooMany):
        headers |= {
            "Retry-After": str(error.retry_after_s),
            "RateLimit-Limit": str(error.limit),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(error.retry_after_s),
        }
    if isinstance(error, Unavailable) or error.code == "in_progress":
        headers["Retry-After"] = "1"
    fields = error.fields if isinstance(error, Invalid | Malformed) else {}
    return Problem(error.status, error.code, error.detail, dict(fields), headers)


def _of_framework(error: Exception) -> Problem:
    for kind, problem in _FRAMEWORK.items():
        if isinstance(error, kind):
            return problem
    if isinstance(error, rest.ValidationError):
        return _of_ours(Invalid(flat(error.detail)))
    return Problem(400, "malformed", "The request can't be read.")


def flat(detail: Any, name: str = "") -> dict[str, str]:
    """Return nested field errors as `{"history[0].text": why}`; the first reason of each field."""
    if isinstance(detail, Mapping):
        found: dict[str, str] = {}
        for key, value in detail.items():
            found |= flat(value, _joined(name, key))
        return found
    if isinstance(detail, list):
        nested = [one for one in detail if isinstance(one, Mapping | list)]
        if not nested:
            return {name or "body": str(detail[0])} if detail else {}
        found = {}
        for place, one in enumerate(detail):
            found |= flat(one, _joined(name, place))
        return found
    return {name or "body": str(detail)}


def _joined(name: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{name}[{key}]"
    if key == "non_field_errors":
        return name
    return f"{name}.{key}" if name else str(key)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an unknown address: a problem under /api, the page elsewhere."""
    if request.path.startswith(API_PREFIX):
        return respond(describe(Http404()))
    return defaults.page_not_found(request, exception or Http404())


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django itself refuses (a foreign Host, a suspicious path)."""
    if request.path.startswith(API_PREFIX):
        return respond(describe(exception or SuspiciousOperation()))
    return defaults.bad_request(request, exception or SuspiciousOperation())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error outside every endpoint; Django has logged it already."""
    if request.path.startswith(API_PREFIX):
        return respond(_UNFORESEEN)
    return defaults.server_error(request)
