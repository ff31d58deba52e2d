"""The library as people browse it: one line an article, found by words, filtered, paged.

People who read all text see every article by the version that matters; for agents the gate decides
what is there, passage by passage. It reads and never writes. Called by the pages.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import connection

from kb import gate
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
from kb.models import Journey, OwnerGroup, Version
from kb.search.library import Hit, search_library

logger = logging.getLogger("kb.pages")

PAGE = 50
MOST_FOUND = 200

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
class Shelved:
    """A line of the library; `highlight` is HTML of the words that were found, or empty."""

    line: Line
    highlight: str = ""


@dataclass(frozen=True)
class Shelf:
    """A page of the library, where the next one begins, and how many lines there are in all."""

    lines: list[Shelved]
    next: str
    total: int | None


def shelf(wanted: Wanted, *, after: str = "", limit: int = PAGE) -> Shelf:
    """Return one line an article; for those who read all text.

    By address from beyond the slug `after`; or, where words are searched, the best first, from
    place `after` on, of the first MOST_FOUND.
    """
    if not wanted.words:
        found, total = _read(wanted, "a.slug > %(after)s", "a.slug", {"after": after}, limit + 1)
        following = found[limit - 1].slug if len(found) > limit else ""
        return Shelf([Shelved(line) for line in found[:limit]], following, total)
    hits = _hits(wanted.words)
    place = int(after) if after.isdecimal() and len(after) < 6 else 0
    ids = [hit.article_id for hit in hits]
    ranked, total = _read(
        wanted, "a.id = ANY(%(ids)s)", "array_position(%(ids)s, a.id)", {"ids": ids}, MOST_FOUND
    )
    marks = {hit.article_id: hit for hit in hits}
    lines = [
        Shelved(line, _highlight(marks[line.article_id], line))
        for line in ranked[place : place + limit]
    ]
    following = str(place + limit) if len(ranked) > place + limit else ""
    return Shelf(lines, following, total)


def _hits(words: str) -> list[Hit]:
    """Return what the editors' index finds; without an index, what has the words in its title."""
    try:
        return search_library(text=words, limit=MOST_FOUND)
    except OSError as error:
        logger.warning("the editors' index can't be used, titles are searched instead: %s", error)
    found = Version.objects.filter(title__icontains=words).order_by("-pk")
    newest = {article: pk for pk, article in reversed(found.values_list("pk", "article_id"))}
    return [Hit(article, pk, 0.0, "") for article, pk in list(newest.items())[:MOST_FOUND]]


def _highlight(hit: Hit, line: Line) -> str:
    """The words were found in the article's latest text; another version isn't shown with them."""
    return hit.highlight if hit.version_id == line.version_id else ""


def _read(
    wanted: Wanted, where: str, order: str, values: dict[str, Any], limit: int
) -> tuple[list[Line], int]:
    """Return the lines, and how many articles `wanted` and `where` leave in all."""
    conditions, inner_values = _narrowed(wanted)
    outer, outer_values = _by_article(wanted)
    source = (
        "kb_article a JOIN LATERAL (SELECT v.* FROM kb_version v"  # noqa: S608
        f" LEFT JOIN kb_period f ON f.version_id = v.id WHERE {conditions}"
        f" ORDER BY {_FIRST} LIMIT 1) v ON true"
        f" LEFT JOIN kb_period f ON f.version_id = v.id {JOINS}"
    )
    values = {**values, **inner_values, **outer_values, "limit": limit}
    found = listing.read(
        f"SELECT {COLUMNS}, kb_clock() AS now FROM {source} "  # noqa: S608
        f"WHERE {outer} AND {where} ORDER BY {order} LIMIT %(limit)s",
        values,
    )
    if wanted.words:
        return found, len(found)
    if not (wanted.state or wanted.kind or wanted.audience):
        # Nothing is asked of a version, so none has to be looked at to count.
        source = (
            "kb_article a JOIN kb_ownergroup g ON g.id = a.owner_group_id"
            " LEFT JOIN kb_journey j ON j.id = a.journey_id"
        )
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {source} WHERE {outer}",  # noqa: S608
            {**values, "grace": settings().review_grace_days},
        )
        row = cursor.fetchone()
    return found, (row[0] if row else 0)


def _narrowed(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Return the condition on the version that stands for its article."""
    conditions = ["v.article_id = a.id"]
    values: dict[str, Any] = {"language": settings().default_language}
    if wanted.state in STATES:
        conditions.append(f"({STATES[wanted.state][1]})")
    return " AND ".join(conditions), values


def _by_article(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    conditions, values = ["true"], {}
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
