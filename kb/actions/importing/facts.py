"""The facts of an import as a whole: which values will govern, who renders them, what collides.

Decides which fact value each text will show once the import takes force, and refuses references
that nothing answers, values that contradict each other, and changes that would leave other texts
showing a value that governs no longer. It reads nothing: `plan` brings what is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from kb.actions.importing.held import Governs
from kb.actions.importing.records import Key
from policies import facts
from policies.facts import FactTerms


@dataclass(frozen=True)
class Writing:
    """A text that the import will put in force: what it carries and renders, and when.

    `ends_at` equal to `starts_at` means never. `carrier` is (article id, language) where the
    article exists.
    """

    key: Key
    carrier: tuple[int, str] | None
    starts_at: datetime
    ends_at: datetime | None
    terms: tuple[FactTerms, ...]
    fact_keys: tuple[str, ...]
    scope: Mapping[str, str]


@dataclass(frozen=True)
class Value:
    """A value that will govern in `[starts_at, ends_at)`: of the file (`key`), or held (`slug`)."""

    terms: FactTerms
    starts_at: datetime
    ends_at: datetime | None
    key: Key | None = None
    place: int = 0
    slug: str = ""
    revision_id: int | None = None

    def at(self, moment: datetime) -> bool:
        """Say whether it governs then."""
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)

    def clipped(self) -> FactTerms:
        """Return the terms with the period in which they really govern."""
        return replace(self.terms, valid_from=self.starts_at, valid_until=self.ends_at)


@dataclass(frozen=True)
class Ended:
    """A held value whose text is replaced, by which text of the file, and when."""

    value: Value
    by: Key
    at: datetime


@dataclass
class Prospect:
    """What will govern by fact key, and which held values end because their text is replaced."""

    values: dict[str, list[Value]] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)

    def add(self, value: Value) -> None:
        """Add a value."""
        self.values.setdefault(value.terms.key, []).append(value)

    def of(self, key: str) -> Sequence[Value]:
        """Return the values of a fact, at any time."""
        return self.values.get(key, ())


class UnansweredError(Exception):
    """A text refers to a fact that nothing answers; the message says why, and what to do."""

    def __init__(self, fact_key: str, reason: str) -> None:
        super().__init__(f"refers to the fact {fact_key}, but {reason}")


def prospect(
    writings: Iterable[Writing], governs: Iterable[Governs], *, retiring: set[tuple[int, str]]
) -> Prospect:
    """Return what will govern once `writings` are in force and the `retiring` texts are not."""
    writings = list(writings)
    result = Prospect()
    replaced = {
        w.carrier: w
        for w in writings
        if w.carrier and (w.ends_at is None or w.ends_at > w.starts_at)
    }
    for held in governs:
        value = Value(
            terms=held.terms,
            starts_at=held.starts_at,
            ends_at=held.ends_at,
            slug=held.slug,
            revision_id=held.revision_id,
        )
        by = replaced.get(held.carrier)
        if held.carrier in retiring:
            continue
        if by is not None and held.starts_at <= by.starts_at:
            if held.at(by.starts_at):
                result.ended.append(Ended(value, by.key, by.starts_at))
                value = replace(value, ends_at=by.starts_at)
            if value.ends_at is not None and value.ends_at <= value.starts_at:
                continue
        result.add(value)
    for writing in writings:
        for value in _carried(writing):
            result.add(value)
    return result


def chosen(writing: Writing, prospect_: Prospect) -> dict[str, Value]:
    """Return, for each fact that the text renders, the value that it will show.

    The same choice as `preparing.chosen` makes at a submission. Raises UnansweredError.
    """
    result = {}
    for key in writing.fact_keys:
        values = [one for one in prospect_.of(key) if one.at(writing.starts_at)]
        values += [one for one in _own(writing) if one.terms.key == key]
        winner = facts.governing([one.terms for one in values], writing.scope)
        if winner is None:
            raise UnansweredError(key, _why_none(key, values, prospect_))
        result[key] = next(one for one in values if one.terms == winner)
    return result


def collisions(
    writings: Iterable[Writing], prospect_: Prospect
) -> Iterator[tuple[Value, Value, str]]:
    """Yield the values of the file that can't stand beside another one, the other, and why."""
    for key in {terms.key for writing in writings for terms in writing.terms}:
        values = prospect_.of(key)
        for place, one in enumerate(values):
            for other in values[:place]:
                if one.key is None and other.key is None:
                    continue
                decision = facts.conflict(other.clipped(), one.clipped())
                if decision is not None:
                    late, early = (one, other) if one.key is not None else (other, one)
                    yield late, early, decision.reason
                    break


def lost(prospect_: Prospect) -> Iterator[Ended]:
    """Yield the held values that nobody carries any longer once their text is replaced."""
    for ended in prospect_.ended:
        values = prospect_.of(ended.value.terms.key)
        if not any(one.terms == ended.value.terms and one.at(ended.at) for one in values):
            yield ended


def needs(pins: Mapping[Key, Mapping[str, Value]], prospect_: Prospect) -> dict[Key, set[Key]]:
    """Return, for each text, the texts of the file that must be in force before it.

    `pins` are what each text renders. A value that a held text goes on carrying needs nobody.
    """
    result: dict[Key, set[Key]] = {}
    for key, shown in pins.items():
        result[key] = set()
        for value in shown.values():
            equal = [one for one in prospect_.of(value.terms.key) if one.terms == value.terms]
            if value.key != key and not any(
                one.key is None and one.ends_at is None for one in equal
            ):
                result[key] |= {one.key for one in equal if one.key is not None} - {key}
    return result


def _carried(writing: Writing) -> Iterator[Value]:
    for place, terms in enumerate(writing.terms):
        starts = max(filter(None, (writing.starts_at, terms.valid_from)))
        ends = [end for end in (writing.ends_at, terms.valid_until) if end is not None]
        if not ends or min(ends) > starts:
            yield Value(
                terms=terms,
                starts_at=starts,
                ends_at=min(ends, default=None),
                key=writing.key,
                place=place,
            )


def _own(writing: Writing) -> Iterator[Value]:
    """Yield what a text that never comes into force says of itself: nothing else could show it."""
    if writing.ends_at == writing.starts_at:
        for place, terms in enumerate(writing.terms):
            yield Value(terms, writing.starts_at, None, key=writing.key, place=place)


def _why_none(key: str, values: Sequence[Value], prospect_: Prospect) -> str:
    if values:
        return "its value depends on a scope that this text doesn't name; set the scope"
    if prospect_.of(key):
        return "no policy carries it at the time when this text takes effect; mend the dates"
    return "no policy in this file or in force carries it; add the policy or correct the key"
