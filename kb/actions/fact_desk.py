"""What the pages show of facts: what governs where, who states and who renders it, over time.

It reads and never writes; what a change would replace is asked of `kb.actions.facts`, who may
propose one is decided there. Only people who read all text are given these lists (the page's role
check). Called by the pages of facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from kb import gate
from kb.actions import facts, listing
from kb.actions.listing import IN_EFFECT, SCHEDULED, Line
from kb.actions.visiting import Visitor
from kb.errors import NotFound
from kb.models import Fact, FactRevision, Hold, Role

PAGE = 50
MOST_STRETCHES = 200
MOST_RENDERERS = 100

_PERIODS = """SELECT r.fact_id, r.id AS revision_id, r.number AS revision, r.display, r.scope,
  t.starts_at, t.ends_at, v.id AS version_id, v.number, v.title, v.language, a.slug,
  a.owner_group_id, kb_clock() AS now
FROM kb_factperiod t JOIN kb_factrevision r ON r.id = t.revision_id
JOIN kb_period p ON p.id = t.period_id JOIN kb_version v ON v.id = p.version_id
JOIN kb_article a ON a.id = v.article_id
WHERE t.fact_id = ANY(%(facts)s) AND (t.ends_at IS NULL OR t.ends_at > t.starts_at)"""
_TO_COME = " AND (t.ends_at IS NULL OR t.ends_at > kb_clock())"
# As `facts.affected` counts: in effect or to come, and not carrying the value itself.
_RENDERED = """SELECT n.revision_id, count(DISTINCT v.id) FROM kb_pinnedfact n
JOIN kb_version v ON v.id = n.version_id JOIN kb_period f ON f.version_id = v.id
WHERE n.revision_id = ANY(%(revisions)s) AND v.state = 'published'
  AND (f.ends_at IS NULL OR f.ends_at > greatest(kb_clock(), f.starts_at))
  AND NOT EXISTS (SELECT FROM kb_carriedfact c
    WHERE c.version_id = v.id AND c.revision_id = n.revision_id)
GROUP BY n.revision_id"""
_WAITING = """SELECT DISTINCT r.fact_id, s.id FROM kb_changeset s
JOIN kb_version v ON v.change_set_id = s.id JOIN kb_carriedfact c ON c.version_id = v.id
JOIN kb_factrevision r ON r.id = c.revision_id
WHERE s.state = 'in_review' AND r.fact_id = ANY(%(facts)s) AND NOT EXISTS (
  SELECT FROM kb_carriedfact o
  WHERE o.version_id = v.based_on_id AND o.revision_id = c.revision_id)
ORDER BY s.id"""
_RENDERERS = f"""v.id IN (SELECT n.version_id FROM kb_pinnedfact n
  JOIN kb_factrevision r ON r.id = n.revision_id WHERE r.fact_id = %(fact)s)
AND NOT EXISTS (SELECT FROM kb_carriedfact c JOIN kb_factrevision r ON r.id = c.revision_id
  WHERE c.version_id = v.id AND r.fact_id = %(fact)s)
AND ({IN_EFFECT} OR {SCHEDULED})"""  # noqa: S608


@dataclass(frozen=True)
class Carrier:
    """A policy version that states a value, and until when."""

    version_id: int
    slug: str
    title: str
    language: str
    number: int
    owner_group_id: int
    ends_at: datetime | None


@dataclass(frozen=True)
class Stretch:
    """A value of one scope for as long as it governs without a gap, and who states it by turns.

    `rendered` counts the texts in effect or scheduled that show the value, its carriers apart.
    """

    fact_id: int
    revision_id: int
    revision: int
    display: str
    scope: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    carriers: tuple[Carrier, ...]
    now: datetime
    rendered: int = 0

    @property
    def begun(self) -> bool:
        """Whether its start has come."""
        return self.starts_at <= self.now

    @property
    def governs(self) -> bool:
        """Whether it governs at the instant of the query."""
        return self.begun and (self.ends_at is None or self.ends_at > self.now)

    @property
    def stated_by(self) -> list[Carrier]:
        """Who states it now or will, each article once; where it has ended, who stated it last."""
        ongoing = [one for one in self.carriers if one.ends_at is None or one.ends_at > self.now]
        first = {(one.slug, one.language): one for one in reversed(ongoing)}
        return list(reversed(first.values())) or [self.carriers[-1]]


@dataclass(frozen=True)
class Entry:
    """A fact in the list: what governs now or will, whether it is held, and open change sets."""

    fact: Fact
    values: list[Stretch]
    held: bool
    change_sets: list[int]


@dataclass(frozen=True)
class Register:
    """A page of the list; `next` is the key to go on from, empty at the end."""

    entries: list[Entry]
    total: int
    next: str


@dataclass(frozen=True)
class Portrait:
    """One fact with everything about it."""

    fact: Fact
    governing: list[Stretch]
    to_come: list[Stretch]
    over_time: list[Stretch]
    never: list[FactRevision]
    renderers: list[Line]
    holds: list[Hold]
    change_sets: list[int]


@dataclass(frozen=True)
class Reach:
    """What a change of a value would replace now, what it is, and who may propose one."""

    revision: FactRevision
    policies: int
    texts: int
    may_propose: bool


def register(*, words: str = "", after: str = "", limit: int = PAGE) -> Register:
    """Return the facts whose key has all of `words`, by key, from behind the key `after`."""
    found = Fact.objects.order_by("key")
    for word in words.split():
        found = found.filter(key__icontains=word)
    total = found.count()
    rows = list(found.filter(key__gt=after)[: limit + 1])
    shown = rows[:limit]
    ids = [fact.pk for fact in shown]
    values = _with_rendered(_stretches(ids, to_come=True))
    held = set(Hold.objects.filter(lifted_at=None, fact__in=ids).values_list("fact_id", flat=True))
    waiting = _waiting(ids)
    entries = [
        Entry(
            fact=fact,
            values=[one for one in values if one.fact_id == fact.pk],
            held=fact.pk in held,
            change_sets=waiting.get(fact.pk, []),
        )
        for fact in shown
    ]
    return Register(entries, total, shown[-1].key if len(rows) > limit else "")


def portrait(key: str) -> Portrait:
    """Return the fact `key` with all that hangs on it. Raises NotFound."""
    fact = Fact.objects.filter(key=key).first()
    if fact is None:
        raise NotFound("There is no such fact, or it isn't yours to see.")
    stretches = _with_rendered(_stretches([fact.pk], to_come=False))
    used = {one.revision_id for one in stretches}
    never = FactRevision.objects.filter(fact=fact).exclude(pk__in=used).order_by("-number")
    return Portrait(
        fact=fact,
        governing=[one for one in stretches if one.governs],
        to_come=[one for one in stretches if not one.begun],
        over_time=sorted(stretches, key=lambda one: (one.starts_at, one.revision), reverse=True),
        never=list(never[:MOST_STRETCHES]),
        renderers=listing.lines(
            where=_RENDERERS,
            order="a.slug, v.language, f.starts_at",
            values={"fact": fact.pk},
            limit=MOST_RENDERERS,
        ),
        holds=list(Hold.objects.filter(fact=fact, lifted_at=None).order_by("pk")),
        change_sets=_waiting([fact.pk]).get(fact.pk, []),
    )


def reach(visitor: Visitor, value: Stretch) -> Reach:
    """Return what changing `value` now would replace, and whether the visitor may propose it."""
    revision = FactRevision.objects.select_related("fact").get(pk=value.revision_id)
    targets = facts.affected(revision, gate.clock())
    groups = {version.article.owner_group_id for version in targets.carriers}
    return Reach(
        revision=revision,
        policies=len(targets.carriers),
        texts=len(targets.renderers),
        may_propose=all(edits_for(visitor, group) for group in groups),
    )


def edits_for(visitor: Visitor, group_id: int) -> bool:
    """Say whether the visitor writes for an owner group (editor or approver), as proposing asks."""
    writers = (Role.EDITOR, Role.APPROVER)
    return any(role in writers and group in (None, group_id) for role, group in visitor.grants)


def _stretches(fact_ids: Sequence[int], *, to_come: bool) -> list[Stretch]:
    """Return the values of the facts by scope and start, periods that follow each other joined."""
    sql = _PERIODS + (_TO_COME if to_come else "")
    sql += " ORDER BY r.fact_id, r.scope::text, t.starts_at, v.id"
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(sql, {"facts": list(fact_ids)})
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    result: list[Stretch] = []
    for row in rows:
        new = _stretch(row)
        place = next((at for at, one in enumerate(result) if _continues(one, new)), None)
        if place is None:
            result.append(new)
        else:
            result[place] = _joined(result[place], new)
    # A default before its exceptions.
    return sorted(
        result,
        key=lambda one: (one.fact_id, len(one.scope), sorted(one.scope.items()), one.starts_at),
    )


def _stretch(row: Mapping[str, Any]) -> Stretch:
    carrier = Carrier(**{name: row[name] for name in Carrier.__dataclass_fields__})
    return Stretch(
        fact_id=row["fact_id"],
        revision_id=row["revision_id"],
        revision=row["revision"],
        display=row["display"],
        scope=json.loads(row["scope"]),  # Django leaves jsonb undecoded in raw cursors
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        carriers=(carrier,),
        now=row["now"],
    )


def _continues(one: Stretch, new: Stretch) -> bool:
    """Say whether the same revision goes on in `new`: it begins before or where `one` ends."""
    return one.revision_id == new.revision_id and (
        one.ends_at is None or new.starts_at <= one.ends_at
    )


def _joined(one: Stretch, new: Stretch) -> Stretch:
    ends = None if one.ends_at is None or new.ends_at is None else max(one.ends_at, new.ends_at)
    return replace(one, ends_at=ends, carriers=(*one.carriers, *new.carriers))


def _with_rendered(stretches: Sequence[Stretch]) -> list[Stretch]:
    counts = _pairs(_RENDERED, {"revisions": [one.revision_id for one in stretches]})
    by_revision = dict(counts)
    return [replace(one, rendered=by_revision.get(one.revision_id, 0)) for one in stretches]


def _waiting(fact_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return, for each fact, the change sets in review that give it another value."""
    result: dict[int, list[int]] = {}
    for fact_id, change_set_id in _pairs(_WAITING, {"facts": list(fact_ids)}):
        result.setdefault(fact_id, []).append(change_set_id)
    return result


def _pairs(sql: str, values: Mapping[str, Any]) -> list[tuple[int, int]]:
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [(row[0], row[1]) for row in cursor.fetchall()]
