"""The words and marks of the pages: how a state, a moment, a name reads to a person.

Decides nothing about texts; it turns what rules and queries said into the five marks of the streak
and plain sentences. Called by the templates through `kb.templatetags.pages`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from kb.models import Person
from policies.lifecycle import Reading

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Mark:
    """The streak (solid, dashed, hollow, broken or faded) and the word that stands beside it."""

    streak: str
    word: str


_READINGS: Mapping[str, Mark] = {
    Reading.draft: Mark("hollow", "Draft"),
    Reading.in_review: Mark("hollow", "In review"),
    Reading.scheduled: Mark("dashed", "Scheduled"),
    Reading.in_effect: Mark("solid", "In effect"),
    Reading.returned: Mark("faded", "Returned"),
    Reading.withdrawn: Mark("faded", "Withdrawn"),
    Reading.superseded: Mark("faded", "Superseded"),
    Reading.expired: Mark("faded", "Expired"),
    Reading.retired: Mark("faded", "Retired"),
}
_OUT: Mapping[str, Mark] = {
    "on_hold": Mark("broken", "On hold"),
    "review_overdue": Mark("broken", "Review overdue"),
    "fact_superseded": Mark("broken", "Outdated value"),
    "held_in_part": Mark("broken", "Held in part"),
}
OUT_SENTENCES: Mapping[str, str] = {
    "on_hold": "It is on hold: bots and agents aren't told any of it until the hold is lifted.",
    "review_overdue": "Its review is overdue beyond the grace, so it isn't served until somebody "
    "verifies it.",
    "fact_superseded": "It states a value that has changed since, so it isn't served.",
    "held_in_part": "Part of it is on hold and isn't served; the rest is.",
}
MEANINGS: Mapping[str, str] = {
    "checked_against_policy": "I checked this against the policy and it may be served.",
    "import_attested": "Attested by an import",
    "returned": "Returned",
}

# In the order in which they are taken out; words may carry a <mark> anywhere.
_SIGNS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\{\{\s*(?:<mark>)?fact(?:</mark>)?\s+(.*?)\s*\}\}"), r"<code>\1</code>"),
    (re.compile(r"\{\{[^}]*$"), ""),
    (re.compile(r"\{audience=[^}]*\}?"), ""),
    (re.compile(r"!?\[([^\]\[]+)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"(?:^|(?<=\s))#{1,6}(?=\s)"), ""),
    (re.compile(r"\|(?:\s*:?-{3,}:?\s*\|)+"), ""),
    (re.compile(r"\s*\|(?:\s*\|)*\s*"), " · "),
    (re.compile(r"\*\*|__|`"), ""),
)


def mark(reading: str, out_of_service: str | None = None) -> Mark:
    """Return the streak of a version; one in effect that isn't served reads as why."""
    out = _OUT.get(out_of_service or "")
    if out is not None and reading in (Reading.in_effect, Reading.scheduled):
        return out
    return _READINGS[reading]


def since(
    reading: str,
    *,
    starts_at: datetime | None,
    ends_at: datetime | None,
    decided_at: datetime | None = None,
    submitted_at: datetime | None = None,
    edited_at: datetime | None = None,
    out_of_service: str | None = None,
) -> str:
    """Say in a few words since when a version reads as it does, or from when it will."""
    match reading:
        case Reading.in_effect if starts_at:
            until = f", until {moment(ends_at)}" if ends_at else ""
            # Beside "On hold" a bare date would read as the hold's.
            what = "in effect since" if out_of_service else "since"
            return f"{what} {moment(starts_at)}{until}"
        case Reading.scheduled if starts_at:
            return f"from {moment(starts_at)}"
        case Reading.superseded | Reading.expired if ends_at:
            return moment(ends_at)
        case Reading.draft if edited_at:
            return f"saved {moment(edited_at)}"
        case Reading.in_review if submitted_at:
            return f"submitted {moment(submitted_at)}"
        case _:
            return moment(decided_at) if decided_at else ""


def moment(at: datetime) -> str:
    """Write an instant in the page's zone: by its weekday up to a week, then as a date.

    It reads on behind since, from, until and submitted: since Wednesday, 14:02.
    """
    local, now = timezone.localtime(at), timezone.localtime()
    days = (local.date() - now.date()).days
    clock = f"{local:%H:%M}"
    if days == 0:
        return f"today, {clock}"
    if days == -1:
        return f"yesterday, {clock}"
    if days == 1:
        return f"tomorrow, {clock}"
    if abs(at - timezone.now()) < WEEK:
        return f"{local:%A}, {clock}"
    return day(at)


def day(at: datetime) -> str:
    """Write the date of an instant in the page's zone: 3 March 2026."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%B %Y}"


def exact(at: datetime) -> str:
    """Write an instant in full: 3 March 2026, 14:02 UTC."""
    local = timezone.localtime(at)
    return f"{day(at)}, {local:%H:%M} {local.tzname()}"


def named(person: Person) -> str:
    """Return the name that a person goes by."""
    return person.get_full_name() or person.get_username()


def actor(name: str) -> str:
    """Write an actor of a hold or an audit row (`person:ana`, `client:bot`, `system:up`)."""
    kind, _colon, rest = name.partition(":")
    match kind:
        case "person":
            return rest
        case "client":
            return f"the client {rest}"
        case "system":
            return f"the system ({rest})"
    return name


def readable(text: str) -> str:
    """Take Markdown's signs out of a stretch of escaped text that a search found.

    A fact that is referred to is shown by its key, a mark of the audience not at all.
    """
    for signs, instead in _SIGNS:
        text = signs.sub(instead, text)
    return " ".join(text.split())
