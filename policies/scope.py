"""Where something holds: `key = value` terms such as region, segment, product, channel.

Decides whether a scope matches a caller, which of two scopes is the more specific, which keys a
caller would have to name, and how far a request may narrow what is bound to its key. Never knows
which keys or values exist: an installation chooses them. Called by `policies.facts`, `kb.gate`,
`kb.search` and imports. All functions but `normalise` take scopes that have been normalised.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TypeAlias

Scope: TypeAlias = Mapping[str, str]


def normalise(raw: object) -> dict[str, str]:
    """Turn what somebody wrote into a scope: trimmed, casefolded, sorted by key; None is no scope.

    Raises ValueError that names the key and says how to mend it.
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise ValueError('scope: isn\'t a set of terms; write an object such as {"region": "EU"}')
    terms: dict[str, str] = {}
    for raw_key, raw_value in raw.items():
        key = _word(raw_key, f"scope: key {raw_key!r}")
        value = _word(raw_value, f"scope.{key}: value {raw_value!r}")
        if terms.setdefault(key, value) != value:
            raise ValueError(
                f"scope.{key}: is given twice, as {terms[key]!r} and as {value!r}; keep one"
            )
    return dict(sorted(terms.items()))


def matches(scope: Scope, caller: Scope) -> bool:
    """Say whether the scope can hold for the caller: no key that both give differs."""
    return all(caller.get(key, value) == value for key, value in scope.items())


def compatible(a: Scope, b: Scope) -> bool:
    """Say whether some caller could be inside both scopes at once."""
    return matches(a, b)


def strictly_contains(general: Scope, specific: Scope) -> bool:
    """Say whether whoever is inside `specific` is inside `general`, and not the other way round."""
    return len(general) < len(specific) and general.items() <= specific.items()


def crossing(a: Scope, b: Scope) -> bool:
    """Say whether the two overlap while each holds somewhere that the other doesn't."""
    return (
        compatible(a, b) and a != b and not strictly_contains(a, b) and not strictly_contains(b, a)
    )


def missing_keys(scope: Scope, caller: Scope) -> tuple[str, ...]:
    """Return the keys, sorted, that the caller would have to give to be surely inside the scope."""
    return tuple(sorted(scope.keys() - caller.keys()))


def narrow(bound: Scope, requested: Scope) -> dict[str, str]:
    """Return the scope of a request: what is bound to the key, plus what the request adds.

    A request may narrow, never widen. Raises ValueError if it contradicts a bound term.
    """
    for key, value in requested.items():
        if bound.get(key, value) != value:
            raise ValueError(
                f"scope.{key}: this key is bound to {bound[key]!r} and can't ask for {value!r}; "
                "leave the term out or use another key"
            )
    return dict(sorted({**bound, **requested}.items()))


def _word(raw: object, where: str) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"{where} isn't text; write it in quotation marks")
    # Canonical caseless matching (Unicode, section 3.13): decompose, fold, compose again.
    folded = unicodedata.normalize("NFD", raw).casefold()
    word = " ".join(unicodedata.normalize("NFC", folded).split())
    if not word:
        raise ValueError(f"{where} is empty; give it a value or leave the term out")
    if not word.isprintable():
        raise ValueError(f"{where} has a control character in it; remove it")
    return word
