"""The words of an import's plan: an entry of the file, what becomes of it, and the whole plan.

No decisions are taken here: `plan` takes them, `refusing` says what can't be,
and `force` carries them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kb.actions import preparing
from kb.actions.importing.facts import Value, Writing
from kb.actions.importing.held import HeldArticle, HeldText
from kb.actions.importing.reading import Place, Refusal
from kb.actions.importing.records import Key, Record, content_digest
from kb.text import rendering
from policies import importing as rules
from policies import lifecycle
from policies.facts import FactTerms


class Outcome(StrEnum):
    """What becomes of a record."""

    new = "new"
    changed = "changed"
    rerendered = "rerendered"
    unchanged = "unchanged"
    left = "left"


WRITTEN = (Outcome.new, Outcome.changed, Outcome.rerendered)


@dataclass(frozen=True)
class Options:
    """How the operator wants the import. Without approvers records stay drafts."""

    source: str
    overwrite: bool = False
    retire_missing: bool = False


@dataclass(frozen=True)
class Entry:
    """What the plan needs of a record: all but its words."""

    place: Place
    key: Key
    digest: str
    terms: tuple[FactTerms, ...]
    fact_keys: tuple[str, ...]
    scope: Mapping[str, str]
    effective_from: datetime | None
    effective_until: datetime | None
    kind: str
    risk: str
    owner: str | None
    journey: str | None
    review_every_days: int | None
    lines: Mapping[str, int] | None

    @classmethod
    def of(cls, record: Record) -> Entry:
        """Return the entry of a record."""
        content = record.content
        return cls(
            place=record.place,
            key=record.key,
            digest=content_digest(content),
            terms=tuple(preparing.terms_of(one) for one in content.facts),
            fact_keys=tuple(rendering.fact_keys(content.body)),
            scope=content.scope,
            effective_from=content.effective_from,
            effective_until=content.effective_until,
            kind=content.kind,
            risk=content.risk,
            owner=record.owner,
            journey=record.journey,
            review_every_days=record.review_every_days,
            lines=record.lines,
        )

    def refusal(self, field_: str, reason: str) -> Refusal:
        """Return a refusal of this record, at the line of `field_`."""
        line = (self.lines or {}).get(field_.partition("[")[0], self.place.line)
        return Refusal(Place(self.place.file, line), field_, reason, self.key[0], record=self.place)


@dataclass
class Step:
    """What becomes of one record, against what, and why it is left where it is."""

    entry: Entry
    outcome: Outcome
    article: HeldArticle | None
    text: HeldText | None
    starts_at: datetime
    why: str = ""
    pins: dict[str, Value] = field(default_factory=dict)

    @property
    def written(self) -> bool:
        """Whether a new version is made."""
        return self.outcome in WRITTEN


@dataclass
class Plan:
    """What will be done. `retiring` and `kept` are held texts that the file doesn't have."""

    steps: list[Step]
    refusals: list[Refusal]
    order: list[Key]
    retiring: list[tuple[Key, HeldArticle]]
    kept: list[tuple[Key, str]]


def owners_of(steps: Iterable[Step]) -> dict[str, str]:
    """Return the owner group's name of each article: named in the file, else held, else default."""
    owners: dict[str, str] = {}
    for step in steps:
        name = step.entry.key[0]
        if step.entry.owner:
            owners[name] = step.entry.owner
        else:
            owners.setdefault(name, step.article.owner if step.article else rules.DEFAULT_OWNER)
    return owners


def writing_of(step: Step) -> Writing:
    """Return what the step's text will carry and render, and when it will be in force."""
    entry = step.entry
    period = lifecycle.period(
        published_at=step.starts_at,
        effective_from=entry.effective_from,
        effective_until=entry.effective_until,
    )
    return Writing(
        key=entry.key,
        carrier=(step.article.article_id, entry.key[1]) if step.article else None,
        starts_at=step.starts_at,
        ends_at=period.end if period else step.starts_at,
        terms=entry.terms,
        fact_keys=entry.fact_keys,
        scope=entry.scope,
    )
