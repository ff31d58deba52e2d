"""The library as people browse it: one line an article, found by words, filtered, paged.

People who read all text see every article by the version that matters; for agents the gate decides
what is there, passage by passage. It reads and never writes. Called by the pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from kb.actions import listing
from kb.actions.listing import (
    COLUMNS,
    FACT_SUPERSEDED,
    HELD,
    HELD_IN_PART,
    IN_EFFECT,
    JOINS,
    OVERDUE,
    SCHEDULED,
    Line,
)
from kb.conf import settings
from kb.gate import Caller
from kb.models import Journey, OwnerGroup

PAGE = 50
INTERNAL = Caller(audience="internal")

# What `state` filters by, in the order in which it is offered: the word, and the condition.
STATES: dict[str, tuple[str, str]] = {
    "in_effect": ("In effect", IN_EFFECT),
    "scheduled": ("Scheduled", SCHEDULED),
    "in_review": ("In review", "v.state = 'in_review'"),
    "draft": ("Draft", "v.state = 'draft'"),
    "on_hold": ("On hold, whole or in part", f"{IN_EFFECT} AND ({HELD} OR {HELD_IN_PART})"),
    "review_overdue": ("Review overdue", f"{IN_EFFECT} AND {OVERDUE}"),
    "fact_superseded": ("Outdated value", f"{IN_EFFECT} AND {FACT_SUPERSEDED}"),
    "returned": ("Returned", "v.state = 'returned'"),
    "expired": (
        "Expired",
        "v.state = 'published' AND f.ends_at <= kb_clock() AND"
        " (f.closed_by_id IS NULL OR f.ends_at <= f.starts_at)",
    ),
    "superseded": (
        "Superseded",
        "v.state = 'published' AND f.ends_at <= kb_clock() AND f.closed_by_id IS NOT NULL",
    ),
    "retired": ("Retired", "v.state = 'retired'"),
    "withdrawn": ("Withdrawn", "v.state = 'withdrawn'"),
}
# The version that stands for its article: what governs, else what will, else the latest.
_FIRST = f"""CASE WHEN {IN_EFFECT} THEN 0 WHEN {SCHEDULED} THEN 1
  WHEN v.state = 'in_review' THEN 2 WHEN v.state = 'draft' THEN 3 ELSE 4 END,
  (v.language = %(language)s) DESC, v.id DESC"""


@dataclass(frozen=True)
class Wanted:
    """What a list is narrowed to; empty strings narrow nothing."""

    words: str = ""
    state: str = ""
    kind: str = ""
    audience: str = ""
    journey: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Shelf:
    """A page of the library, where the next one begins, and how many lines there are in all."""

    lines: list[Line]
    next: str
    total: int | None


def shelf(wanted: Wanted, *, after: str = "", limit: int = PAGE) -> Shelf:
    """Return one line an article, by address from beyond `after`; for those who read all text."""
    conditions, values = _narrowed(wanted)
    inner = (
        "SELECT v.* FROM kb_version v"  # noqa: S608
        f" LEFT JOIN kb_period f ON f.version_id = v.id WHERE {conditions}"
        f" ORDER BY {_FIRST} LIMIT 1"
    )
    source = (
        "kb_article a JOIN LATERAL (" + inner + ") v ON true"
        " LEFT JOIN kb_period f ON f.version_id = v.id "
    )
    outer, outer_values = _by_article(wanted)
    values = {**values, **outer_values, "after": after, "limit": limit + 1}
    found = listing.read(
        f"SELECT {COLUMNS}, kb_clock() AS now FROM {source} {JOINS} "  # noqa: S608
        f"WHERE {outer} AND a.slug > %(after)s ORDER BY a.slug LIMIT %(limit)s",
        values,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {source} {JOINS} WHERE {outer}",  # noqa: S608
            {**values, "grace": settings().review_grace_days},
        )
        row = cursor.fetchone()
    following = found[limit - 1].slug if len(found) > limit else ""
    return Shelf(lines=found[:limit], next=following, total=row[0] if row else 0)


def _narrowed(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Return the condition on the version that stands for its article."""
    conditions = ["v.article_id = a.id"]
    values: dict[str, Any] = {"language": settings().default_language}
    if wanted.state in STATES:
        conditions.append(f"({STATES[wanted.state][1]})")
    return " AND ".join(conditions), values


def _by_article(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    conditions, values = ["true"], {}
    if wanted.words:
        conditions.append("(v.title ILIKE %(words)s OR a.slug ILIKE %(words)s)")
        values["words"] = f"%{_literal(wanted.words)}%"
    for name, column in (
        ("kind", "v.kind"),
        ("audience", "v.audience"),
        ("journey", "j.name"),
        ("owner", "g.name"),
    ):
        value = getattr(wanted, name)
        if value:
            conditions.append(f"{column} = %({name})s")
            values[name] = value
    return " AND ".join(conditions), values


def _literal(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def journeys() -> list[str]:
    """Return the names of every journey."""
    return list(Journey.objects.order_by("name").values_list("name", flat=True))


def owner_groups() -> list[tuple[int, str]]:
    """Return every owner group as (id, name), by name."""
    return list(OwnerGroup.objects.order_by("name").values_list("pk", "name"))


def governing_count() -> int:
    """Return how many articles something is in effect of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT f.article_id) FROM kb_period f JOIN kb_version v ON"
            " v.id = f.version_id WHERE v.state = 'published' AND f.starts_at <= kb_clock()"
            " AND (f.ends_at IS NULL OR f.ends_at > kb_clock())"
        )
        row = cursor.fetchone()
    return row[0] if row else 0
