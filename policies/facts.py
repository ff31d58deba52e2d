"""Policy facts: which of several values governs, and when two of them contradict each other.

Decides: what a key looks like, whether two facts conflict (a default and its exception don't), and
which revision governs for a caller. Never decides whose value is right, and never reads prose: that
is `policies.claims`. Values themselves are read, compared and shown by `policies.values` and
`policies.wording`, whose names are offered here too. Called by `kb.actions`, `kb.text.rendering`
and imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from policies.decisions import Decision, refuse
from policies.scope import Scope, compatible, matches, strictly_contains
from policies.values import (
    CanonicalValue,
    Comparator,
    FactType,
    parse_comparator,
    parse_value,
    same_value,
)
from policies.wording import display

__all__ = [
    "KEY_LIMIT",
    "KEY_PATTERN",
    "CanonicalValue",
    "Comparator",
    "FactTerms",
    "FactType",
    "conflict",
    "display",
    "governing",
    "parse_comparator",
    "parse_value",
    "same_value",
    "unsettled_keys",
    "valid_key",
]

KEY_PATTERN = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9][a-z0-9_]*)*")
"""The form of a key, without anchors, so that the pattern of a reference in prose can embed it."""

KEY_LIMIT = 100


@dataclass(frozen=True, slots=True)
class FactTerms:
    """What one revision of a fact says, where and when.

    `value` and `unit` are canonical, `scope` is normalised, `[valid_from, valid_until)` is
    half-open, and None on either side means that it has no bound there.
    """

    key: str
    type: FactType
    comparator: Comparator
    value: str
    unit: str | None
    scope: Scope
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def canonical(self) -> CanonicalValue:
        """Return the value alone, ready to be compared."""
        return CanonicalValue(type=FactType(self.type), value=self.value, unit=self.unit or None)

    def says(self) -> str:
        """Return the value in words: "at most 14 days"."""
        return display(self.type, self.comparator, self.value, self.unit)

    def holds_at(self, moment: datetime) -> bool:
        """Say whether the moment lies in the revision's own period."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment < self.valid_until
        )


def valid_key(key: str) -> bool:
    """Say whether the text can be a fact's key: lower-case words joined by points."""
    return len(key) <= KEY_LIMIT and KEY_PATTERN.fullmatch(key) is not None


def conflict(a: FactTerms, b: FactTerms) -> Decision | None:
    """Return why the two can't both stand, code `fact_conflict`, or None if they can.

    They conflict if one key has different values (the comparator counts) at some common instant in
    compatible scopes of which neither strictly contains the other. Where one does, the narrower is
    an exception to the wider and takes precedence.
    """
    if a.key != b.key or _say_the_same(a, b):
        return None
    if not _periods_overlap(a, b):
        return None
    if not compatible(a.scope, b.scope):
        return None
    if strictly_contains(a.scope, b.scope) or strictly_contains(b.scope, a.scope):
        return None
    mend = (
        "Give one of them another period or value."
        if a.scope == b.scope
        else "Say which holds where both scopes meet: a fact for exactly that, or scopes apart."
    )
    return refuse(
        "fact_conflict",
        f"{a.key} is {a.says()} {_where(a.scope)} and {b.says()} {_where(b.scope)}, "
        f"at the same time. {mend}",
    )


def governing(
    revisions: Iterable[FactTerms], caller_scope: Scope, *, at: datetime | None = None
) -> FactTerms | None:
    """Return the revision that governs for a caller: the most specific one that matches.

    Revisions that surely hold for the caller (every key of theirs given) go before those that only
    might. With `at`, revisions outside their own period are left out. None if nothing matches, or
    if the most specific ones disagree: a value is never picked by chance. `unsettled_keys` says
    what the caller would have to add.
    """
    matching = [
        revision
        for revision in revisions
        if matches(revision.scope, caller_scope) and (at is None or revision.holds_at(at))
    ]
    sure = [revision for revision in matching if revision.scope.items() <= caller_scope.items()]
    leading = _most_specific(sure or matching)
    if not leading or any(not _say_the_same(leading[0], other) for other in leading):
        return None
    return leading[0]


def unsettled_keys(
    revisions: Iterable[FactTerms], caller_scope: Scope, *, at: datetime | None = None
) -> tuple[str, ...]:
    """Return the keys, sorted, that the caller didn't give and on which the value depends.

    Empty if the value is the same whatever those keys turn out to be.
    """
    held = list(revisions)
    settled = governing(held, caller_scope, at=at)
    open_keys: set[str] = set()
    for revision in held:
        missing = revision.scope.keys() - caller_scope.keys()
        if not missing or not matches(revision.scope, caller_scope):
            continue
        if at is not None and not revision.holds_at(at):
            continue
        if settled is None or not _say_the_same(settled, revision):
            open_keys |= missing
    return tuple(sorted(open_keys))


def _say_the_same(a: FactTerms, b: FactTerms) -> bool:
    return a.comparator == b.comparator and same_value(a.canonical, b.canonical)


def _periods_overlap(a: FactTerms, b: FactTerms) -> bool:
    starts = [moment for moment in (a.valid_from, b.valid_from) if moment is not None]
    ends = [moment for moment in (a.valid_until, b.valid_until) if moment is not None]
    return not starts or not ends or max(starts) < min(ends)


def _most_specific(revisions: list[FactTerms]) -> list[FactTerms]:
    """Return those that no other one is an exception to."""
    return [
        revision
        for revision in revisions
        if not any(strictly_contains(revision.scope, other.scope) for other in revisions)
    ]


def _where(scope: Scope) -> str:
    if not scope:
        return "everywhere"
    return "for " + ", ".join(f"{key} {value}" for key, value in sorted(scope.items()))
