"""How an import record is read: its fields, its days and times, and what silence means.

Decides which fields there are, what an absent one stands for, which instant a bare date names, and
in which order versions that render each other's facts can be published. Never reads a file or the
clock, and never checks a text. Called by `kb.actions.importing`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Set
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from policies.approval import Kind

TEXT_FIELDS = (
    "id", "title", "body", "kind", "risk", "audience", "journey", "language", "owner",
)  # fmt: skip
TIME_FIELDS = ("effective_from", "effective_until", "reviewed_at")
FIELDS = (*TEXT_FIELDS, *TIME_FIELDS, "scope", "review_every_days", "facts")
REQUIRED = ("id", "title", "body")

DEFAULT_OWNER = "Imported"
DEFAULT_SOURCE = "import"
ID_LIMIT = 250
NAME_LIMIT = 100
LONGEST_REVIEW_CYCLE_DAYS = 36_500

_EARLIEST, _LATEST = 1900, 9000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}\S*")
_SPEAKING_ID = re.compile(r"(?=.*[a-z]{3})[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_SLUG = 80

Node = TypeVar("Node", bound=Hashable)


class CircleError(ValueError):
    """Some nodes need each other, so none can come first; `nodes` are those of one circle."""

    def __init__(self, nodes: list[Any]) -> None:
        super().__init__(f"{len(nodes)} of them need each other")
        self.nodes = nodes


def kind_of(kind: str | None, *, has_facts: bool) -> str:
    """Return the kind of a record: the given one; else what carries facts is a policy."""
    return kind or (Kind.policy.value if has_facts else Kind.resolution.value)


def instant(value: object, *, zone: tzinfo, ends: bool) -> datetime:
    """Read a day or a time into an instant in UTC.

    A bare day is its local midnight in `zone`; where it ends something (`ends`) the day counts as
    well, so it is the midnight after. Raises ValueError that says how to mend it.
    """
    if isinstance(value, datetime):
        return _aware(value, value.isoformat())
    if isinstance(value, date):
        return _midnight(value, zone, ends=ends)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} isn't a date; write it as 2026-03-31 or 2026-03-31T12:00:00Z")
    text = value.strip()
    try:
        if _DAY.fullmatch(text):
            return _midnight(date.fromisoformat(text), zone, ends=ends)
        if _INSTANT.fullmatch(text):
            return _aware(datetime.fromisoformat(text.upper()), text)
    except ValueError as error:
        raise ValueError(f"{_short(text)} isn't a date of the calendar ({error})") from None
    raise ValueError(f"{_short(text)} isn't a date; write it as 2026-03-31 or 2026-03-31T12:00:00Z")


def slug_of_id(external_id: str) -> str | None:
    """Return the external id if it can serve as an address as it is (`returns-policy`)."""
    speaks = len(external_id) <= _LONGEST_SLUG and _SPEAKING_ID.fullmatch(external_id)
    return external_id if speaks else None


def publication_order(needs: Mapping[Node, Set[Node]]) -> list[Node]:
    """Return the nodes so that each comes after those it needs.

    Raises CircleError where some need each other.
    """
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise CircleError(list(dict.fromkeys(error.args[1]))) from None


def _midnight(day: date, zone: tzinfo, *, ends: bool) -> datetime:
    _check_year(day)
    if ends:
        day += timedelta(days=1)
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _aware(moment: datetime, text: str) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{_short(text)} has no time zone; end it with Z or an offset")
    _check_year(moment)
    return moment.astimezone(UTC)


def _check_year(day: date) -> None:
    if not _EARLIEST <= day.year < _LATEST:
        raise ValueError(f"the year {day.year} isn't between {_EARLIEST} and {_LATEST}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
