"""What changed between two versions, for the pages: words of the text, and every other field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kb.actions.content import Content
from kb.actions.drafting import content_of
from kb.models import Version
from kb.text import diff
from kb.web import words
from policies import facts


@dataclass(frozen=True)
class Field:
    """A field that differs: its word, and both values in words."""

    word: str
    old: str
    new: str


@dataclass(frozen=True)
class Changes:
    """Sanitised HTML of title and body with what was inserted and deleted, and the other fields."""

    title: str
    body: str
    fields: list[Field]
    same_body: bool

    @property
    def nothing(self) -> bool:
        """Whether the two are the same in everything that is signed."""
        return self.same_body and not self.fields and "<ins>" not in self.title


def between(old: Version, new: Version) -> Changes:
    """Return what changed from one version to the other."""
    return of_contents(content_of(old), content_of(new))


def of_contents(old: Content, new: Content) -> Changes:
    """Return what changed from one content to the other."""
    fields = [
        Field(word, write(getattr(old, name)), write(getattr(new, name)))
        for name, word, write in _FIELDS
        if write(getattr(old, name)) != write(getattr(new, name))
    ]
    return Changes(
        title=diff.html_diff(old.title, new.title),
        body=diff.html_diff(old.body, new.body),
        fields=fields,
        same_body=old.body == new.body,
    )


def fact_words(declared: dict[str, Any]) -> str:
    """Write a declared fact in one line: refund.window is 30 days (region = eu)."""
    value = facts.display(
        facts.FactType(declared["type"]),
        facts.Comparator(declared["comparator"]),
        declared["value"],
        declared["unit"] or None,
    )
    where = ", ".join(f"{key} = {term}" for key, term in declared["scope"].items())
    start, end = declared.get("effective_from"), declared.get("effective_until")
    when = f" from {start}" if start else ""
    when += f" until {end}" if end else ""
    return f"{declared['key']} is {value}" + (f" ({where})" if where else "") + when


def _scope(scope: dict[str, str]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in sorted(scope.items())) or "everywhere"


def _instant(at: Any) -> str:
    return words.exact(at) if at else "not set"


def _facts(declared: Any) -> str:
    return "; ".join(fact_words(one) for one in declared) or "none"


_FIELDS: list[tuple[str, str, Callable[[Any], str]]] = [
    ("kind", "Kind", str),
    ("risk", "Risk", str),
    ("audience", "Audience", str),
    ("scope", "Scope", _scope),
    ("effective_from", "In effect from", _instant),
    ("effective_until", "In effect until", _instant),
    ("facts", "Facts", _facts),
]
