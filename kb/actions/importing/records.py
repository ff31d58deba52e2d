"""What one record of an import says, checked field by field, with every refusal and its place.

Decides whether a record can be taken by itself: fields, types, days, texts. Never compares it with
other records or with what is held (`plan` does) and never stores it. Called by
`run`, and by whoever checks a file without storing it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any

from kb.actions.content import Content, checked
from kb.actions.drafting import LANGUAGE
from kb.actions.importing.reading import Place, Raw, Refusal
from kb.errors import Invalid
from policies import importing as rules
from policies.languages import canonical_tag

# U+0000 can't be stored by PostgreSQL; a lone surrogate can't even be written as UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LANGUAGE_LIMIT = 35
_NAMED = ("owner", "journey")
Key = tuple[str, str]
"""External id and language: what a record is the text of."""


@dataclass(frozen=True)
class Reading:
    """What the reading of a record depends on besides the record."""

    zone: tzinfo
    default_language: str


@dataclass(frozen=True)
class Record:
    """A well-formed record. `owner`, `journey` and `review_every_days` are None where not named."""

    place: Place
    external_id: str
    language: str
    content: Content
    owner: str | None = None
    journey: str | None = None
    review_every_days: int | None = None
    reviewed_at: datetime | None = None
    lines: Mapping[str, int] | None = None

    @property
    def key(self) -> Key:
        """Return what the record is the text of."""
        return self.external_id, self.language


def read_record(raw: Raw, *, reading: Reading) -> Record | list[Refusal]:
    """Return the record, or everything that is wrong with it."""
    fields = {name: value for name, value in raw.fields.items() if value is not None}
    try:
        problems: dict[str, str] = dict(_shape_problems(raw.fields, fields))
    except RecursionError:
        problems = {"record": "is nested too deeply; a record is a flat object"}
    if not problems:
        try:
            return _record(raw, fields, reading)
        except Invalid as error:
            problems = error.fields
    external_id = fields.get("id")
    named = external_id if isinstance(external_id, str) and external_id else None
    return [
        Refusal(
            Place(raw.place.file, raw.lines.get(name.partition("[")[0], raw.place.line)),
            name,
            reason,
            named,
            record=raw.place,
        )
        for name, reason in problems.items()
    ]


def content_digest(content: Content) -> str:
    """Return the SHA-256 over what an import compares: all of the content but its change note.

    It doesn't depend on the database, on the order of facts, nor on how a time is written.
    """
    values = content.as_fields()
    del values["change_note"]
    for name in ("effective_from", "effective_until"):
        values[name] = _utc(values[name])
    values["facts"] = sorted(json.dumps(_plain_fact(one), sort_keys=True) for one in content.facts)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def as_json(record: Record) -> dict[str, Any]:
    """Return the record as it is staged."""
    content = record.content.as_fields()
    for name in ("effective_from", "effective_until"):
        content[name] = _utc(content[name])
    return {
        "file": record.place.file,
        "line": record.place.line,
        "id": record.external_id,
        "language": record.language,
        "content": content,
        "owner": record.owner,
        "journey": record.journey,
        "review_every_days": record.review_every_days,
        "reviewed_at": _utc(record.reviewed_at),
    }


def from_json(staged: Mapping[str, Any]) -> Record:
    """Return the record that was staged."""
    content = dict(staged["content"])
    for name in ("effective_from", "effective_until"):
        content[name] = _moment(content[name])
    content["facts"] = tuple(content["facts"])
    return Record(
        place=Place(staged["file"], staged["line"]),
        external_id=staged["id"],
        language=staged["language"],
        content=Content(**content),
        owner=staged["owner"],
        journey=staged["journey"],
        review_every_days=staged["review_every_days"],
        reviewed_at=_moment(staged["reviewed_at"]),
    )


def _shape_problems(
    written: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with names and types, before anything is read further."""
    for name in written:
        if name not in rules.FIELDS:
            near = get_close_matches(str(name), rules.FIELDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(rules.FIELDS)}"
            yield str(name)[:60], f"is no field of a record; {hint}"
    for name in rules.REQUIRED:
        if name not in fields:
            yield name, "is missing"
    for name in rules.TEXT_FIELDS:
        if name in fields and not isinstance(fields[name], str):
            kind = type(fields[name]).__name__
            yield name, f"must be text, not {kind}; put it in quotation marks"
    days = fields.get("review_every_days", 1)
    if isinstance(days, bool) or not isinstance(days, int):
        yield "review_every_days", "must be a whole number of days"
    elif not 1 <= days <= rules.LONGEST_REVIEW_CYCLE_DAYS:
        yield "review_every_days", f"must lie between 1 and {rules.LONGEST_REVIEW_CYCLE_DAYS}"
    if not isinstance(fields.get("facts", []), list):
        yield "facts", "must be a list of facts"
    for name, value in written.items():
        where = _unstorable(value, str(name)[:60])
        if where:
            yield where, "has a NUL or a broken character (a lone surrogate) in it; remove it"


def _unstorable(value: object, path: str) -> str | None:
    """Return where in a value a character stands that can't be stored."""
    if isinstance(value, str):
        return path if _UNSTORABLE.search(value) else None
    inner: Iterator[tuple[str, Any]] = iter(())
    if isinstance(value, Mapping):
        inner = ((f"{path}.{name}"[:120], one) for name, one in value.items())
        if any(isinstance(name, str) and _UNSTORABLE.search(name) for name in value):
            return path
    elif isinstance(value, list):
        inner = ((f"{path}[{at}]", one) for at, one in enumerate(value))
    return next((found for where, one in inner if (found := _unstorable(one, where))), None)


def _record(raw: Raw, fields: Mapping[str, Any], reading: Reading) -> Record:
    problems: dict[str, str] = {}
    times = {name: _time(name, fields, reading, problems) for name in rules.TIME_FIELDS}
    facts = _dated_facts(fields.get("facts", []), reading, problems)
    _check_names(fields, problems)
    language = canonical_tag(fields.get("language", reading.default_language))
    if not LANGUAGE.fullmatch(language) or len(language) > _LANGUAGE_LIMIT:
        problems["language"] = f"{language[:40]!r} isn't a language tag; write en, de or pt-BR"
    content = Content(
        title=" ".join(fields["title"].split()),
        body=fields["body"],
        kind=rules.kind_of(fields.get("kind"), has_facts=bool(facts)),
        risk=fields.get("risk", "normal"),
        audience=fields.get("audience", "internal"),
        scope=fields.get("scope", {}),
        effective_from=times["effective_from"],
        effective_until=times["effective_until"],
        facts=tuple(facts),
    )
    try:
        content = checked(content)
    except Invalid as error:
        problems = {**error.fields, **problems}
    if problems:
        raise Invalid(problems)
    return Record(
        place=raw.place,
        external_id=fields["id"],
        language=language,
        content=replace(content, audience=content.audience.strip().casefold()),
        **{name: fields.get(name) for name in _NAMED},
        review_every_days=fields.get("review_every_days"),
        reviewed_at=times["reviewed_at"],
        lines=raw.lines,
    )


def _time(
    name: str, fields: Mapping[str, Any], reading: Reading, problems: dict[str, str]
) -> datetime | None:
    if name not in fields:
        return None
    try:
        return rules.instant(fields[name], zone=reading.zone, ends=name == "effective_until")
    except ValueError as error:
        problems[name] = str(error)
        return None


def _dated_facts(
    facts: list[Any], reading: Reading, problems: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the facts with their days as instants; what isn't a fact is left for `checked`."""
    result = []
    for at, fact in enumerate(facts):
        if not isinstance(fact, Mapping):
            result.append(fact)
            continue
        wrong: dict[str, str] = {}
        given = {name: value for name, value in fact.items() if value is not None}
        span = [_time(n, given, reading, wrong) for n in ("effective_from", "effective_until")]
        if span[0] and span[1] and span[1] <= span[0]:
            wrong["effective_until"] = "lies before effective_from; swap them or correct one"
        problems.update({f"facts[{at}].{name}": why for name, why in wrong.items()})
        if isinstance(given.get("unit", ""), str):
            result.append({**given, "effective_from": span[0], "effective_until": span[1]})
        else:
            problems[f"facts[{at}].unit"] = "must be text"
    return result


def _check_names(fields: Mapping[str, Any], problems: dict[str, str]) -> None:
    """Check the names that are stored outside the text."""
    limits = {"id": rules.ID_LIMIT, "owner": rules.NAME_LIMIT, "journey": rules.NAME_LIMIT}
    for name, limit in limits.items():
        value = fields.get(name)
        if value is None:
            continue
        if not value.strip():
            problems[name] = "is empty"
        elif len(value) > limit:
            problems[name] = f"is longer than {limit} characters"
        elif value != value.strip() or not value.isprintable():
            problems[name] = "has spaces around it or control characters in it; remove them"


def _plain_fact(fact: Mapping[str, Any]) -> dict[str, Any]:
    times = {n: _utc(_moment(fact[n])) for n in ("effective_from", "effective_until")}
    return {**fact, **times}


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
