"""How values travel: UTF-8 JSON, times as RFC 3339 in UTC with a Z, never NaN.

Knows nothing of requests. Called by every endpoint that answers with a body.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse

JSON = "application/json"


def instant(at: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC, to the microsecond: 2026-03-03T09:00:00Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def text_of(value: Any) -> str:
    """Return `value` as the JSON text that is sent; the same value gives the same text."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
    )


def reply(
    text: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a JSON response of `text` that no cache keeps unless `headers` say otherwise."""
    response = HttpResponse(text, status=status, content_type=JSON)
    response["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
