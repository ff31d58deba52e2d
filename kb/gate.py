"""The gate: the one definition, in SQL, of what may be served to whom at an instant.

Indexes only propose. Whatever leaves the service as text is read here, by passage, in the
transaction that records it, so a late index, a stopped worker or a missed event can't serve what
was revoked. There is no second way and no bypass. If the gate can't be asked, `Unavailable` is
raised and nothing is answered.

**The fence.** `share` is taken on the candidates' articles before the gate is read; whoever revokes
takes `exclude` just before its revoking write. `T` is the clock under those locks: no ledger row
that cites what was revoked at `T` has `served_at >= T`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from kb.conf import settings
from kb.errors import Unavailable
from policies.eligibility import Refusal

ALL_ARTICLES_LOCK = 7400
ARTICLE_LOCK = 7401
MOST_ARTICLE_LOCKS = 1000

_RANK = {"public": 0, "agent": 1, "internal": 2}


@dataclass(frozen=True)
class Caller:
    """Who asks: an audience, a scope, and whether the past may be seen as if no hold stood."""

    audience: str
    scope: dict[str, str] = field(default_factory=dict)
    ignores_holds_in_the_past: bool = False


@dataclass(frozen=True)
class Moment:
    """The asked time: now (both None), what governed at `as_of`, as we knew it at `known_at`."""

    as_of: datetime | None = None
    known_at: datetime | None = None

    @property
    def historical(self) -> bool:
        """Whether anything but now is asked."""
        return self.as_of is not None or self.known_at is not None


NOW = Moment()


@dataclass(frozen=True)
class Judged:
    """One passage as the gate sees it; `refusal` is None where it may be served.

    `changes_at` is the next known moment at which this judgement changes by itself.
    """

    passage_id: int
    ordinal: int
    headings: list[str]
    text: str
    html: str
    passage_digest: str
    audience: str
    version_id: int
    number: int
    digest: str
    title: str
    kind: str
    language: str
    scope: dict[str, str]
    published_at: datetime
    effective_from: datetime | None
    effective_until: datetime | None
    article_id: int
    slug: str
    external_id: str
    journey: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    changes_at: datetime | None
    refusal: Refusal | None
    served_at: datetime


# Aliases: p passage, v version, a article, j journey, f period, c the asked instant and caller.
# Each line is one reason, in the order of precedence that policies/eligibility.py gives.
_REFUSAL = """CASE
  WHEN kb_audience_rank(p.audience) > c.rank THEN 'out_of_audience'
  WHEN EXISTS (SELECT FROM jsonb_each_text(v.scope) t WHERE c.scope ->> t.key <> t.value)
    THEN 'out_of_scope'
  WHEN v.state NOT IN ('published', 'retired') OR NOT kb_approved(v) THEN 'not_approved'
  WHEN f.starts_at > c.at THEN 'not_yet_in_effect'
  WHEN f.starts_at IS NULL THEN 'not_approved'
  WHEN f.ends_at <= c.at AND f.closed_by_id IS NOT NULL THEN 'superseded'
  WHEN v.state = 'retired' AND (NOT c.historical OR v.decided_at <= least(c.known, c.at))
    THEN 'retired'
  WHEN f.ends_at <= c.at THEN 'expired'
  {holds}
  WHEN a.review_every_days IS NOT NULL AND c.at >=
    v.verified_at + make_interval(days => a.review_every_days + c.grace) THEN 'review_overdue'
  WHEN EXISTS (SELECT FROM kb_pinnedfact pin WHERE pin.version_id = v.id AND NOT EXISTS (
      SELECT FROM {facts})) THEN 'fact_superseded'
  WHEN p.placeholder THEN 'placeholder'
  WHEN j.readiness <> 'automate' AND c.rank = 0 THEN 'journey_not_ready'
END"""

_HOLDS = """WHEN EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.article_id = a.id)
    OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.version_id = v.id)
    OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.passage_digest = p.digest)
    OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.journey_id = a.journey_id)
    OR EXISTS (SELECT FROM kb_hold h JOIN kb_factrevision r ON r.fact_id = h.fact_id
        WHERE h.lifted_at IS NULL AND r.id IN (
          SELECT revision_id FROM kb_pinnedfact WHERE version_id = v.id
          UNION ALL SELECT revision_id FROM kb_carriedfact WHERE version_id = v.id))
    THEN 'on_hold'"""

_PERIOD_NOW = "LEFT JOIN kb_period f ON f.version_id = v.id"
# As the periods were recorded by `known`: ends that moved later are not known yet.
_PERIOD_KNOWN = """LEFT JOIN LATERAL (
  SELECT r.starts_at, r.ends_at, CASE WHEN r.ends_at = q.ends_at THEN q.closed_by_id END
    AS closed_by_id
  FROM kb_period q JOIN kb_periodrecord r ON r.period_id = q.id
  WHERE q.version_id = v.id AND r.recorded_at <= c.known
  ORDER BY r.recorded_at DESC, r.id DESC LIMIT 1) f ON true"""

_FACTS_NOW = """kb_factperiod g WHERE g.revision_id = pin.revision_id AND g.starts_at <= c.at
      AND (g.ends_at IS NULL OR g.ends_at > c.at)"""
# A value ends with its policy's period, as that was recorded by `known`, or at its own end.
_FACTS_KNOWN = """kb_factperiod g JOIN kb_factrevision w ON w.id = g.revision_id
      CROSS JOIN LATERAL (SELECT least(r.ends_at, w.valid_until) AS ends_at FROM kb_periodrecord r
        WHERE r.period_id = g.period_id AND r.recorded_at <= c.known
        ORDER BY r.recorded_at DESC, r.id DESC LIMIT 1) k
      WHERE g.revision_id = pin.revision_id AND g.starts_at <= c.at
      AND (k.ends_at IS NULL OR k.ends_at > c.at)"""

_CLOCK = """c AS MATERIALIZED (SELECT s.now AS served_at, coalesce(%(as_of)s, %(known_at)s, s.now)
    AS at, %(known_at)s::timestamptz AS known, %(historical)s AS historical,
    %(rank)s AS rank, %(scope)s::jsonb AS scope, %(grace)s AS grace
  FROM (SELECT kb_clock() AS now) s)"""

_COLUMNS = """p.id AS passage_id, p.ordinal, p.headings, p.text, p.html,
  p.digest AS passage_digest, p.audience, v.id AS version_id, v.number, v.digest, v.title, v.kind,
  v.language, v.scope, v.published_at, v.effective_from, v.effective_until, a.id AS article_id,
  a.slug, a.external_id, j.name AS journey, f.starts_at, f.ends_at,
  least(f.ends_at,
    CASE WHEN a.review_every_days IS NOT NULL THEN
      v.verified_at + make_interval(days => a.review_every_days + c.grace) END,
    (SELECT min(g.ends_at) FROM kb_pinnedfact pin JOIN kb_factperiod g
       ON g.revision_id = pin.revision_id WHERE pin.version_id = v.id AND g.starts_at <= c.at
       AND g.ends_at > c.at),
    (SELECT min(n.starts_at) FROM kb_period n WHERE n.article_id = a.id AND n.starts_at > c.at)
  ) AS changes_at"""

_JOINS = """JOIN kb_version v ON v.id = p.version_id JOIN kb_article a ON a.id = v.article_id
  LEFT JOIN kb_journey j ON j.id = a.journey_id CROSS JOIN c {period}"""


def _query(*, source: str, moment: Moment, caller: Caller, where: str = "", order: str = "") -> str:
    holds = _HOLDS
    if moment.historical and caller.ignores_holds_in_the_past:
        holds = ""
    period = _PERIOD_KNOWN if moment.known_at is not None else _PERIOD_NOW
    facts = _FACTS_KNOWN if moment.known_at is not None else _FACTS_NOW
    refusal = _REFUSAL.format(holds=holds, facts=facts)
    joins = _JOINS.format(period=period)
    return (
        f"WITH {_CLOCK} SELECT {_COLUMNS}, {refusal} AS refusal, c.served_at "  # noqa: S608
        f"FROM {source} {joins} {where} {order}"
    )


def _parameters(caller: Caller, moment: Moment) -> dict[str, Any]:
    return {
        "as_of": moment.as_of,
        "known_at": moment.known_at,
        "historical": moment.historical,
        "rank": _RANK[caller.audience],
        "scope": Jsonb(caller.scope),
        "grace": settings().review_grace_days,
    }


@contextmanager
def answering() -> Iterator[None]:
    """Turn a database that can't be asked into `Unavailable`, whichever way it is gone."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable(
            "The knowledge base can't be asked right now, so nothing is answered. Try again."
        ) from error


def share(article_ids: Iterable[int]) -> None:
    """Take the fence's shared locks on `article_ids`; they last until the transaction ends.

    Any revoking action on one of them that hasn't read its clock yet now waits for us.
    """
    ids = sorted(set(article_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(kind, id) "
            "FROM unnest(%s::int[], %s::int[]) AS locks(kind, id)",
            [[ALL_ARTICLES_LOCK, *[ARTICLE_LOCK] * len(ids)], [0, *ids]],
        )


def exclude(article_ids: Iterable[int]) -> datetime:
    """Take the fence exclusively on `article_ids`, in id order, and return the clock under it.

    Beyond MOST_ARTICLE_LOCKS articles one lock over all of them is taken instead.
    """
    ids = sorted(set(article_ids))
    if len(ids) > MOST_ARTICLE_LOCKS:
        return exclude_all()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, id) FROM unnest(%s::int[]) AS u(id)",
            [ARTICLE_LOCK, ids],
        )
    return clock()


def exclude_all() -> datetime:
    """Take the fence exclusively on every article, also on those yet to come; return the clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [ALL_ARTICLES_LOCK])
    return clock()


def clock() -> datetime:
    """Return the service's clock (`kb_clock()`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kb_clock()")
        instant: datetime = cursor.fetchone()[0]
        return instant


def judge(
    passage_ids: Sequence[int], *, caller: Caller, moment: Moment = NOW
) -> tuple[datetime, list[Judged]]:
    """Judge passages by id, in the given order; unknown ids are left out.

    Returns the instant at which the gate was read and one `Judged` a passage. Raises Unavailable.
    """
    if not passage_ids:
        return clock(), []
    sql = _query(
        source="unnest(%(ids)s::bigint[]) WITH ORDINALITY AS asked(id, place) "
        "JOIN kb_passage p ON p.id = asked.id",
        moment=moment,
        caller=caller,
        order="ORDER BY asked.place",
    )
    judged = _read(sql, {**_parameters(caller, moment), "ids": list(passage_ids)})
    return (judged[0].served_at if judged else clock()), judged


def read_article(
    slug: str,
    *,
    caller: Caller,
    moment: Moment = NOW,
    number: int | None = None,
    language: str | None = None,
) -> list[Judged]:
    """Judge every passage of one article's versions (or of version `number`), in order.

    The caller serves those without a refusal. An unknown slug gives an empty list.
    """  # fmt: skip
    conditions = ["a.slug = %(slug)s", "v.state IN ('published', 'retired')"]
    if number is not None:
        conditions.append("v.number = %(number)s")
    if language is not None:
        conditions.append("v.language = %(language)s")
    sql = _query(
        source="kb_passage p",
        moment=moment,
        caller=caller,
        where="WHERE " + " AND ".join(conditions),
        order="ORDER BY v.number DESC, p.ordinal",
    )
    values = {"slug": slug, "number": number, "language": language}
    return _read(sql, {**_parameters(caller, moment), **values})


def read_library(
    *, caller: Caller, moment: Moment = NOW, after: int = 0, limit: int = 50
) -> list[Judged]:
    """Return the first servable passage of each version in force, by version id from `after` on."""
    inner = _query(
        source="kb_passage p", moment=moment, caller=caller, where="WHERE v.id > %(after)s"
    )
    sql = (
        f"SELECT DISTINCT ON (version_id) * FROM ({inner}) q WHERE refusal IS NULL "  # noqa: S608
        "ORDER BY version_id, ordinal LIMIT %(limit)s"
    )
    return _read(sql, {**_parameters(caller, moment), "after": after, "limit": limit})


def languages_in_force() -> set[str]:
    """Return the languages in which anything is in force or scheduled."""
    with answering(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT language FROM kb_period WHERE ends_at IS NULL OR ends_at > kb_clock()"
        )
        return {row[0] for row in cursor.fetchall()}


def next_start(after: datetime) -> datetime | None:
    """Return the next moment at which anything scheduled takes effect, or None."""
    with answering(), connection.cursor() as cursor:
        cursor.execute("SELECT min(starts_at) FROM kb_period WHERE starts_at > %s", [after])
        row = cursor.fetchone()
        return row[0] if row else None


def _read(sql: str, parameters: dict[str, Any]) -> list[Judged]:
    with answering(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    return [_judged(dict(zip(names, row, strict=True))) for row in rows]


def _judged(row: dict[str, Any]) -> Judged:
    refusal = row.pop("refusal")
    # Django leaves jsonb undecoded in raw cursors.
    row["headings"], row["scope"] = json.loads(row["headings"]), json.loads(row["scope"])
    return Judged(**row, refusal=Refusal(refusal) if refusal else None)
