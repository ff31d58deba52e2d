"""Which scope a question speaks of, and when to ask back.

Decides, from the words of a question, which of several scope values it names; how far that speaks
for or against a passage; and whether the leading passages differ only by a scope that nobody gave,
so that one question to the customer settles it. Never knows which keys or values exist: it is given
those of the candidates. Called by `kb.actions.deliberating`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from policies.scope import Scope

NAMED_BONUS = 0.08
OTHER_NAMED_MALUS = 0.12
OPEN_MALUS = 0.02
"""A text that holds everywhere goes before one that holds only where nobody said we are."""

CLOSE = 0.05
"""Leaders whose scores lie this near each other are equally good."""

MOST_OPTIONS = 8

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True, slots=True)
class Contender:
    """A passage that may be served: its article, the scope of its version, its score."""

    article_id: int
    scope: Scope
    score: float


@dataclass(frozen=True, slots=True)
class AskBack:
    """What to ask: the scope key on which the answer depends, and the values to choose from."""

    key: str
    values: tuple[str, ...]


def named(question: str, values: Iterable[str]) -> frozenset[str]:
    """Return the values that the question names, the longest where one is part of another.

    "light green" names light green, not green. Whole words only; case and accents as they are
    after casefolding.
    """
    words = _words(question)
    found: list[tuple[int, int, str]] = []
    for value in set(values):
        parts = _words(value)
        for start in range(len(words) - len(parts) + 1) if parts else ():
            if words[start : start + len(parts)] == parts:
                found.append((start, start + len(parts), value))
    return frozenset(
        value
        for start, end, value in found
        if not any(
            other_start <= start and end <= other_end and (other_start, other_end) != (start, end)
            for other_start, other_end, _ in found
        )
    )


def evidence(scope: Scope, *, caller: Scope, names: Mapping[str, frozenset[str]]) -> float:
    """Return what the question's words add to the score of a passage with this scope.

    `names` maps each scope key to the values that the question names. Keys that the caller gave
    are settled already and count nothing.
    """
    total = 0.0
    for key, value in scope.items():
        if key in caller:
            continue
        if not names.get(key):
            total -= OPEN_MALUS
        else:
            total += NAMED_BONUS if value in names[key] else -OTHER_NAMED_MALUS
    return total


def ask_back(
    contenders: Sequence[Contender], *, caller: Scope, names: Mapping[str, frozenset[str]]
) -> AskBack | None:
    """Return what to ask where the answer depends on one scope key that nobody gave or named.

    `contenders` best first: the leader's scope says which key it is, and those as good as the
    leader which values there are to choose from. None where the leader depends on no key or on
    several, or where only one value is in question.
    """
    if not contenders:
        return None
    leader = contenders[0]
    open_keys = [key for key in leader.scope if key not in caller and not names.get(key)]
    if len(open_keys) != 1:
        return None
    key = open_keys[0]
    leaders = [one for one in contenders if one.score >= leader.score - CLOSE]
    values = tuple(dict.fromkeys(one.scope[key] for one in leaders if key in one.scope))
    if len(values) < 2:
        return None
    return AskBack(key=key, values=values[:MOST_OPTIONS])


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
