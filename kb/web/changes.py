"""What changed between two versions, for the pages: words of the text, and every other field."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kb.actions.content import Content
from kb.actions.drafting import content_of
from kb.models import Version
from kb.text import diff
from kb.web import words
from policies import facts

_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_TAG = re.compile(r"</?(?:ins|del)>")


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
        return self.same_body and not self.fields and self.same_title

    @property
    def same_title(self) -> bool:
        """Whether the title is the same."""
        return _TAG.search(self.title) is None

    @property
    def excerpt(self) -> str:
        """The paragraphs of the body that change; empty where that is all of it or none."""
        return excerpt(self.body)


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


def excerpt(body: str) -> str:
    """Return the paragraphs of a difference that change, an ellipsis for those between.

    Empty where nothing is left out, or where a change runs over paragraphs.
    """
    paragraphs = _PARAGRAPH.split(body)
    if any(not _balanced(_TAG.findall(one)) for one in paragraphs):
        return ""
    changed = [_TAG.search(one) is not None for one in paragraphs]
    if all(changed) or not any(changed):
        return ""
    kept: list[str] = []
    for one, changes_here in zip(paragraphs, changed, strict=True):
        if changes_here:
            kept.append(one.strip("\n"))
        elif kept[-1:] != ["…"]:
            kept.append("…")
    return "\n\n".join(kept).replace("\n\n…", "\n…").replace("…\n\n", "…\n")


def _balanced(tags: Sequence[str]) -> bool:
    return (
        all(
            opened.replace("<", "</") == closed
            for opened, closed in zip(tags[::2], tags[1::2], strict=False)
        )
        and len(tags) % 2 == 0
    )


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
