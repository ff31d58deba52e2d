"""The one query behind every list of versions: what stands where, in a single statement.

It reads and never writes, and it holds no rule of its own: how a version reads is
`policies.lifecycle`'s, whether it may be served the gate's (the reasons repeated here only explain
a row). Whoever calls it has asked `kb.access` first. Called by `desk` and `catalogue`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from kb import gate
from kb.conf import settings
from policies.lifecycle import Reading, State, reading

# Aliases everywhere: a article, v version, f its period, g owner group, j journey, p author.
HELD = """(EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.article_id = a.id)
  OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.version_id = v.id)
  OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.journey_id = a.journey_id)
  OR EXISTS (SELECT FROM kb_hold h JOIN kb_factrevision r ON r.fact_id = h.fact_id
      WHERE h.lifted_at IS NULL AND r.id IN (
        SELECT revision_id FROM kb_pinnedfact WHERE version_id = v.id
        UNION ALL SELECT revision_id FROM kb_carriedfact WHERE version_id = v.id)))"""
HELD_IN_PART = """EXISTS (SELECT FROM kb_hold h JOIN kb_passage q ON q.digest = h.passage_digest
  WHERE h.lifted_at IS NULL AND h.passage_digest IS NOT NULL AND q.version_id = v.id)"""
OVERDUE = """(a.review_every_days IS NOT NULL AND kb_clock() >=
  v.verified_at + make_interval(days => a.review_every_days + %(grace)s))"""
FACT_SUPERSEDED = """EXISTS (SELECT FROM kb_pinnedfact pin WHERE pin.version_id = v.id
  AND f.starts_at <= kb_clock() AND NOT EXISTS (
    SELECT FROM kb_factperiod t WHERE t.revision_id = pin.revision_id
    AND t.starts_at <= kb_clock() AND (t.ends_at IS NULL OR t.ends_at > kb_clock())))"""
IN_EFFECT = """(v.state = 'published' AND f.starts_at <= kb_clock()
  AND (f.ends_at IS NULL OR f.ends_at > kb_clock()))"""
SCHEDULED = """(v.state = 'published' AND f.starts_at > kb_clock()
  AND (f.ends_at IS NULL OR f.ends_at > f.starts_at))"""

COLUMNS = f"""v.id AS version_id, a.id AS article_id, a.slug, v.number, v.title, v.language,
  v.state, v.kind, v.risk, v.audience, v.scope, a.owner_group_id, g.name AS owner,
  j.name AS journey, v.author_id,
  coalesce(nullif(trim(p.first_name || ' ' || p.last_name), ''), p.username) AS author,
  v.edited_at, v.submitted_at, v.published_at, v.decided_at, v.change_note, v.change_set_id,
  f.starts_at, f.ends_at, f.closed_by_id,
  CASE WHEN v.state <> 'published' THEN NULL
    WHEN {HELD} THEN 'on_hold'
    WHEN {OVERDUE} THEN 'review_overdue'
    WHEN {FACT_SUPERSEDED} THEN 'fact_superseded'
    WHEN {HELD_IN_PART} THEN 'held_in_part' END AS out_of_service,
  v.verified_at + make_interval(days => a.review_every_days) AS review_due_at"""
JOINS = """JOIN kb_ownergroup g ON g.id = a.owner_group_id
  JOIN kb_person p ON p.id = v.author_id
  LEFT JOIN kb_journey j ON j.id = a.journey_id"""


@dataclass(frozen=True)
class Line:
    """A version as a list shows it. `out_of_service` says why the gate keeps it back, or None."""

    version_id: int
    article_id: int
    slug: str
    number: int | None
    title: str
    language: str
    state: str
    kind: str
    risk: str
    audience: str
    scope: dict[str, str]
    owner_group_id: int
    owner: str
    journey: str | None
    author_id: int
    author: str
    edited_at: datetime
    submitted_at: datetime | None
    published_at: datetime | None
    decided_at: datetime | None
    change_note: str
    change_set_id: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    closed_by_id: int | None
    out_of_service: str | None
    review_due_at: datetime | None
    now: datetime

    @property
    def reading(self) -> Reading:
        """How the version reads at the instant of the query."""
        return reading(
            state=State(self.state),
            start=self.starts_at,
            end=self.ends_at,
            now=self.now,
            ended_by_successor=self.closed_by_id is not None,
        )


def lines(
    *, where: str, order: str, limit: int = 50, values: Mapping[str, Any] | None = None
) -> list[Line]:
    """Return the versions for which `where` holds, at most `limit`, in one statement.

    `where` and `order` are SQL over the aliases above, written by this package alone; what comes
    from outside goes into `values`.
    """
    sql = (
        f"SELECT {COLUMNS}, kb_clock() AS now FROM kb_version v "  # noqa: S608
        "JOIN kb_article a ON a.id = v.article_id LEFT JOIN kb_period f ON f.version_id = v.id "
        f"{JOINS} WHERE {where} ORDER BY {order} LIMIT %(limit)s"
    )
    return read(sql, {**(values or {}), "limit": limit})


def read(sql: str, values: Mapping[str, Any]) -> list[Line]:
    """Run a statement that selects COLUMNS and `now`, and return its rows. Raises Unavailable."""
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(sql, {**values, "grace": settings().review_grace_days})
        names = [column.name for column in cursor.description or ()]
        return [_line(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _line(row: dict[str, Any]) -> Line:
    # Django leaves jsonb undecoded in raw cursors.
    row["scope"] = json.loads(row["scope"])
    return Line(**row)
