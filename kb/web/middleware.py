"""What every request passes: an id for the logs, and the content security policy."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from kb import conf

Handler = Callable[[HttpRequest], HttpResponse]

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# No inline script anywhere; inline style only on the API page, whose bundle needs it.
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
API_PAGE_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_ID = "touchstone.request_id"


class RequestIdMiddleware:
    """Give each request an id (the caller's own, if it is a plain one) and return it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _ACCEPTED_ID.fullmatch(given) else uuid.uuid4().hex
        request.META[_ID] = request_id
        token = conf.request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            conf.request_id.reset(token)
        response["X-Request-Id"] = request_id
        return response


class ContentSecurityPolicyMiddleware:
    """Send a strict content security policy with every page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        page = request.path.startswith("/api/v1/docs")
        response.setdefault("Content-Security-Policy", API_PAGE_POLICY if page else POLICY)
        return response


class RequestIdFilter(logging.Filter):
    """Put the request's id on each log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add `request_id`; never drop a record.

        Django logs a refused request after the middleware has ended, when only the request that
        it puts on the record still knows the id.
        """
        meta = getattr(getattr(record, "request", None), "META", {})
        record.request_id = conf.request_id.get() or meta.get(_ID, "")
        return True
