"""The audit as auditors search it: by subject, actor, action and day, the latest first.

It reads and never writes; the chain is verified by `kb.audit`. Pages are cut by id, so a row that
is written meanwhile moves nothing. Which role may open it is the page's check. Called by the pages.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from kb import audit, gate
from kb.audit import Fault
from kb.models import AuditEvent

PAGE = 50
MOST_FAULTS = 100
_UNNAMED = "value"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KINDS = ("person", "client", "system")
# The names that are offered to choose from are those of the latest rows; any other can be typed.
_RECENT = """SELECT DISTINCT actor, action FROM (
  SELECT actor, action FROM kb_auditevent ORDER BY id DESC LIMIT 5000) latest"""


@dataclass(frozen=True)
class Search:
    """What the audit is narrowed to; empty or None narrows nothing.

    `subject` is `version:12` for exactly that one, and a beginning where it ends in `:` or `*` or
    names a kind alone. `actor` may leave its kind out. `since` is included, `until` is not.
    """

    subject: str = ""
    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Value:
    """One named value of an audit row, before and after; None where that side doesn't have it."""

    name: str
    old: str | None
    new: str | None

    @property
    def is_digest(self) -> bool:
        """Whether it is a digest, which is read letter by letter."""
        return _DIGEST.fullmatch(self.new or self.old or "") is not None


@dataclass(frozen=True)
class Event:
    """An audit row and what it says in words."""

    row: AuditEvent
    values: list[Value]


@dataclass(frozen=True)
class Found:
    """A page of the audit; `next` is the id to go on from below, None at the end."""

    events: list[Event]
    next: int | None


@dataclass(frozen=True)
class Verdict:
    """What verifying the chain found. `rows` and `head_hash` are the head's when it was asked."""

    rows: int
    head_hash: str
    faults: list[Fault]
    verified_at: datetime

    @property
    def holds(self) -> bool:
        """Whether the chain is whole."""
        return not self.faults

    @property
    def first_faults(self) -> list[Fault]:
        """The faults that a page can show."""
        return self.faults[:MOST_FAULTS]


def search(wanted: Search, *, before: int | None = None, limit: int = PAGE) -> Found:
    """Return the rows that match, the latest first, from below id `before`."""
    found = _narrowed(wanted)
    if before is not None:
        found = found.filter(id__lt=before)
    rows = list(found.order_by("-id")[: limit + 1])
    events = [Event(row, values_of(row.old, row.new)) for row in rows[:limit]]
    return Found(events, rows[limit - 1].pk if len(rows) > limit else None)


def recent_names() -> tuple[list[str], list[str]]:
    """Return the actors and the actions of the latest rows, sorted."""
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(_RECENT)
        pairs = cursor.fetchall()
    return sorted({actor for actor, _ in pairs}), sorted({action for _, action in pairs})


def verify() -> Verdict:
    """Walk the whole chain and return what is wrong with it."""
    head = audit.head()
    return Verdict(
        rows=head.audit_id,
        head_hash=head.audit_hash,
        faults=audit.verify(),
        verified_at=gate.clock(),
    )


def values_of(old: str, new: str) -> list[Value]:
    """Return what an audit row's two texts name, side by side, each name once.

    A text that isn't a JSON object is one value, called so.
    """
    before, after = _named(old), _named(new)
    return [Value(name, before.get(name), after.get(name)) for name in {**before, **after}]


def _narrowed(wanted: Search) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.all()
    if wanted.subject:
        kind, colon, rest = wanted.subject.partition(":")
        if not colon or not rest or rest.endswith("*"):
            found = found.filter(subject__startswith=wanted.subject.removesuffix("*"))
        else:
            found = found.filter(subject=f"{kind}:{rest}")
    if wanted.actor:
        names = [wanted.actor, *(f"{kind}:{wanted.actor}" for kind in _KINDS)]
        found = found.filter(actor__in=names)
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.since:
        found = found.filter(at__gte=wanted.since)
    if wanted.until:
        found = found.filter(at__lt=wanted.until)
    return found


def _named(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {_UNNAMED: text}
    if isinstance(value, dict):
        return {str(name).replace("_", " "): _words(one) for name, one in value.items()}
    return {_UNNAMED: _words(value)}


def _words(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            return value or "empty"
        case list() if all(isinstance(one, str | int) for one in value):
            return ", ".join(map(str, value)) or "none"
        case dict() if not value:
            return "none"
        case _:
            return json.dumps(value, ensure_ascii=False, sort_keys=True)
