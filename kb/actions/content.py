"""What a person or an import writes into a version, checked before anything is stored.

It decides whether content is well-formed and says in every case which field to mend; whether
somebody may write it is for `kb.access`, whether it may be served for the approvers and the gate.
Called by drafting, importing and change sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from kb.conf import MAX_BODY_CHARACTERS, MAX_TITLE_CHARACTERS
from kb.errors import Invalid
from kb.text import markdown, rendering
from policies import audience, facts, scope
from policies.approval import Kind, Risk

FACT_FIELDS = (
    "key", "type", "comparator", "value", "unit", "scope", "effective_from", "effective_until",
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """Everything of a version that its digest covers. Instants are aware; scope is normalised."""

    title: str
    body: str
    kind: str = "resolution"
    risk: str = "normal"
    audience: str = "internal"
    scope: dict[str, str] = field(default_factory=dict)
    effective_from: datetime | None = None
    effective_until: datetime | None = None
    change_note: str = ""
    facts: tuple[dict[str, Any], ...] = ()

    def as_fields(self) -> dict[str, Any]:
        """Return the values of the version's columns."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "facts": list(self.facts), "scope": dict(self.scope)}


def checked(content: Content) -> Content:
    """Return `content` with scope and facts in canonical form.

    Raises Invalid that maps every bad field to what is wrong and how to mend it.
    """
    problems: dict[str, str] = {}
    _check_words(content, problems)
    _check_choices(content, problems)
    normal_scope = _tried("scope", problems, lambda: scope.normalise(content.scope), {})
    normal_facts = tuple(
        _tried(f"facts[{at}]", problems, partial(canonical_fact, raw), {})
        for at, raw in enumerate(content.facts)
    )
    if content.facts and content.kind != Kind.policy:
        problems["facts"] = "only a policy carries facts; make it a policy or remove them"
    if (
        content.effective_from
        and content.effective_until
        and content.effective_until <= content.effective_from
    ):
        problems["effective_until"] = "lies before effective_from; swap them or correct one"
    if problems:
        raise Invalid(problems)
    return Content(**{**content.__dict__, "scope": normal_scope, "facts": normal_facts})


def canonical_fact(raw: object) -> dict[str, Any]:
    """Return a declared fact in the form that is stored: all fields, canonical value, ISO times.

    Raises ValueError that names the field.
    """
    if not isinstance(raw, Mapping):
        raise ValueError("isn't a fact; write {key, type, value, ...}")
    unknown = set(raw) - set(FACT_FIELDS)
    if unknown:
        raise ValueError(
            f"unknown field {min(map(str, unknown))!r}; known: {', '.join(FACT_FIELDS)}"
        )
    key = raw.get("key")
    if not isinstance(key, str) or not facts.valid_key(key):
        raise ValueError(f"key {key!r} isn't lower-case words joined by points (refund.window)")
    try:
        fact_type = facts.FactType(str(raw.get("type")))
    except ValueError:
        known = ", ".join(facts.FactType)
        raise ValueError(f"type {raw.get('type')!r} isn't one of {known}") from None
    comparator = facts.parse_comparator(fact_type, raw.get("comparator") or "eq")
    unit = raw.get("unit")
    value = facts.parse_value(fact_type, raw.get("value"), str(unit) if unit else None)
    return {
        "key": key,
        "type": fact_type.value,
        "comparator": comparator.value,
        "value": value.value,
        "unit": value.unit or "",
        "scope": scope.normalise(raw.get("scope")),
        "effective_from": _iso(raw.get("effective_from")),
        "effective_until": _iso(raw.get("effective_until")),
    }


def _iso(value: object) -> str | None:
    if value in (None, ""):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError(f"time {value!r} has no zone; write it with Z or an offset")
    return instant.isoformat()


def _check_words(content: Content, problems: dict[str, str]) -> None:
    title = content.title.strip() if isinstance(content.title, str) else ""
    if not title:
        problems["title"] = "is empty; say in the customer's words what this is about"
    elif len(title) > MAX_TITLE_CHARACTERS:
        problems["title"] = f"is longer than {MAX_TITLE_CHARACTERS} characters; shorten it"
    if not isinstance(content.body, str) or not content.body.strip():
        problems["body"] = "is empty; write the text in Markdown"
        return
    if len(content.body) > MAX_BODY_CHARACTERS:
        problems["body"] = (
            f"has {len(content.body):,} characters; at most {MAX_BODY_CHARACTERS:,} are kept. "
            "Split it into articles of one topic each"
        )
        return
    for name in ("title", "body", "change_note"):
        if "\x00" in getattr(content, name):
            problems[name] = "contains a NUL character; remove it"
    danger = markdown.dangerous(content.body)
    if danger:
        problems.setdefault("body", danger)
    wrong = rendering.problems(content.body)
    if wrong:
        problems.setdefault("body", "; ".join(wrong))


def _check_choices(content: Content, problems: dict[str, str]) -> None:
    for name, kinds in (("kind", Kind), ("risk", Risk)):
        if getattr(content, name) not in list(kinds):
            problems[name] = f"{getattr(content, name)!r} isn't one of {', '.join(kinds)}"
    try:
        audience.parse(content.audience)
    except ValueError as error:
        problems["audience"] = str(error)


def _tried(name: str, problems: dict[str, str], read: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return read()
    except ValueError as error:
        problems[name] = str(error).removeprefix(f"{name}: ")
        return otherwise
