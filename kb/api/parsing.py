"""Reading a request's body: strict JSON, or a refusal that says what and where.

A name given twice, NaN, a number no database holds, a lone surrogate, a NUL, too deep a nesting or
too large a body are refused here, before any field is looked at. Which fields there are is decided
by the endpoint's own shape. Called by REST framework for every endpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from rest_framework.parsers import BaseParser

from kb.api.problems import Malformed

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 16
MAX_DIGITS = 18
_BODY = "body"


class StrictJSONParser(BaseParser):
    """Parses `application/json` into a dict. Raises Malformed."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the body's object; of a body over MAX_BYTES no more than that is read."""
        charset = _charset(media_type or "")
        if charset not in ("", "utf-8", "utf8"):
            raise Malformed({_BODY: f"is in {charset}; send UTF-8"})
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise _too_large()
        return read_object(raw)


def refuse_large(headers: Mapping[str, Any]) -> None:
    """Raise Malformed (413) for an announced length over MAX_BYTES, (411) for none; read nothing.

    Endpoints call it before they look at the body.
    """
    announced = str(headers.get("CONTENT_LENGTH") or "")
    if announced.isdecimal() and int(announced[:12]) > MAX_BYTES:
        raise _too_large()
    if not announced and "chunked" in str(headers.get("HTTP_TRANSFER_ENCODING", "")).lower():
        raise Malformed(
            {_BODY: "comes in chunks of unknown number; send a Content-Length"},
            code="length_required",
            status=411,
        )


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object that `raw` holds. Raises Malformed naming the place."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed({_BODY: f"isn't UTF-8: byte {error.start} can't be read"}) from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_real,
        )
    except json.JSONDecodeError as error:
        raise Malformed(
            {_BODY: f"isn't JSON: {error.msg}, line {error.lineno} column {error.colno}"}
        ) from error
    except RecursionError as error:
        raise Malformed({_BODY: f"nests deeper than {MAX_DEPTH} levels"}) from error
    if not isinstance(value, dict):
        raise Malformed({_BODY: 'isn\'t an object; send {"name": value, ...}'})
    _check(value, "", 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed({_shown(name): "is given twice; keep one"})
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise Malformed({_BODY: f"holds {name}, which JSON doesn't have"})


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Malformed({_BODY: f"holds a number of more than {MAX_DIGITS} digits"})
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed({_BODY: "holds a number beyond what can be kept"})
    return value


def _check(value: Any, name: str, depth: int) -> None:
    """Refuse what no text column holds, and nesting that no shape here has."""
    if depth > MAX_DEPTH:
        raise Malformed({_BODY: f"nests deeper than {MAX_DEPTH} levels"})
    if isinstance(value, str):
        _check_text(value, name)
    elif isinstance(value, dict):
        for key, one in value.items():
            place = f"{name}.{_shown(key)}" if name else _shown(key)
            _check_text(key, place)
            _check(one, place, depth + 1)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            _check(one, f"{name}[{at}]", depth + 1)


def _check_text(text: str, name: str) -> None:
    if "\x00" in text:
        raise Malformed({name: "holds a NUL character; remove it"})
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed({name: "holds half of a surrogate pair; send whole characters"})


def _shown(name: str) -> str:
    """A name as it may be repeated in an error: short, and printable."""
    return name[:80].encode("utf-8", "replace").decode().replace("\x00", "?")


def _charset(media_type: str) -> str:
    for part in media_type.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def _too_large() -> Malformed:
    return Malformed({_BODY: f"is larger than {MAX_BYTES:,} bytes"}, code="too_large", status=413)
