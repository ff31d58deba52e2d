"""One record by itself: its defaults, its refusals, and the digest that tells a change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.actions.importing import records
from kb.actions.importing.reading import Place, Raw
from kb.actions.importing.records import Reading, Record

READING = Reading(zone=ZoneInfo("Europe/Berlin"), default_language="en")
BASIC = {"id": "a", "title": "Returns", "body": "Bring it back."}
FACT = {"key": "refund.window", "type": "duration", "value": 30, "unit": "days"}


def read(**fields: Any) -> Record | dict[str, str]:
    raw = Raw(Place("a.jsonl", 7), {**BASIC, **fields})
    found = records.read_record(raw, reading=READING)
    if isinstance(found, Record):
        return found
    assert all(one.place == one.record == Place("a.jsonl", 7) for one in found)
    return {one.field: one.reason for one in found}


def test_silence_means_internal_normal_and_the_default_language():
    found = read()
    assert isinstance(found, Record)
    content = found.content
    assert (content.kind, content.risk, content.audience) == ("resolution", "normal", "internal")
    assert found.key == ("a", "en")
    assert (found.owner, found.journey, found.review_every_days) == (None, None, None)


def test_what_carries_facts_is_a_policy():
    found = read(facts=[FACT])
    assert isinstance(found, Record)
    assert found.content.kind == "policy"
    assert found.content.facts[0]["unit"] == "day"


def test_null_is_silence():
    assert read(journey=None, facts=None, scope=None, review_every_days=None) == read()


def test_days_are_read_where_the_organisation_lives():
    found = read(effective_from="2026-03-01", effective_until="2026-03-31")
    assert isinstance(found, Record)
    assert found.content.effective_from.isoformat() == "2026-02-28T23:00:00+00:00"
    assert found.content.effective_until.isoformat() == "2026-03-31T22:00:00+00:00"


def test_days_of_facts_are_read_alike():
    found = read(facts=[FACT | {"effective_until": "2026-03-31"}])
    assert isinstance(found, Record)
    assert found.content.facts[0]["effective_until"] == "2026-03-31T22:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"titel": "x"}, "titel", "did you mean title?"),
        ({"colour": "x"}, "colour", "known: id, title"),
        ({"id": None}, "id", "is missing"),
        ({"title": None}, "title", "is missing"),
        ({"body": None}, "body", "is missing"),
        ({"id": 12}, "id", "must be text, not int"),
        ({"language": False}, "language", "must be text, not bool"),
        ({"id": " a"}, "id", "spaces around"),
        ({"id": ""}, "id", "is empty"),
        ({"id": "x" * 251}, "id", "longer than 250"),
        ({"owner": "a\nb"}, "owner", "control characters"),
        ({"journey": "x" * 101}, "journey", "longer than 100"),
        ({"title": " "}, "title", "is empty"),
        ({"title": "x" * 301}, "title", "longer than 300"),
        ({"body": " \n"}, "body", "is empty"),
        ({"body": "a\x00b"}, "body", "NUL"),
        ({"title": "a\ud800b"}, "title", "lone surrogate"),
        ({"scope": {"region": "E\x00U"}}, "scope.region", "NUL"),
        ({"facts": [FACT | {"value": "\x00"}]}, "facts[0].value", "NUL"),
        ({"body": "Hello\n\n<script>alert(1)</script>"}, "body", "line 3: a <script> element"),
        ({"body": "[now](javascript:alert(1))"}, "body", "a javascript: link"),
        ({"body": "{{ fact Refund }}"}, "body", "isn't a reference to a fact"),
        ({"kind": "rule"}, "kind", "isn't one of policy, resolution"),
        ({"risk": "low"}, "risk", "isn't one of normal, high"),
        ({"audience": "everyone"}, "audience", "write one of public, agent, internal"),
        ({"language": "English"}, "language", "isn't a language tag"),
        ({"scope": "EU"}, "scope", "write an object such as"),
        ({"scope": {"region": 1}}, "scope", "isn't text"),
        ({"effective_from": "1 March"}, "effective_from", "write it as 2026-03-31"),
        (
            {"effective_from": "2026-03-02", "effective_until": "2026-03-01"},
            "effective_until",
            "lies before",
        ),
        ({"effective_until": "2026-03-01T10:00:00"}, "effective_until", "no time zone"),
        ({"reviewed_at": "yesterday"}, "reviewed_at", "isn't a date"),
        ({"review_every_days": "30"}, "review_every_days", "whole number"),
        ({"review_every_days": True}, "review_every_days", "whole number"),
        ({"review_every_days": 0}, "review_every_days", "between 1 and"),
        ({"facts": FACT}, "facts", "must be a list"),
        ({"facts": ["x"]}, "facts[0]", "isn't a fact"),
        ({"facts": [FACT], "kind": "resolution"}, "facts", "only a policy carries facts"),
        ({"facts": [FACT | {"key": "Refund"}]}, "facts[0]", "isn't lower-case words"),
        ({"facts": [FACT | {"unit": "moons"}]}, "facts[0]", "isn't a unit of time"),
        ({"facts": [FACT | {"unit": 5}]}, "facts[0].unit", "must be text"),
        ({"facts": [FACT | {"from": "x"}]}, "facts[0]", "unknown field 'from'"),
        (
            {"facts": [FACT | {"effective_from": "2026-02-02", "effective_until": "2026-02-01"}]},
            "facts[0].effective_until",
            "lies before",
        ),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_by_name(fields: dict[str, Any], field: str, why: str):
    found = read(**fields)
    assert isinstance(found, dict)
    assert why in found[field]


def test_a_body_of_50_mb_is_refused_with_its_size():
    found = read(body="x" * (50 * 1024 * 1024))
    assert isinstance(found, dict)
    assert "52,428,800 characters; at most 500,000" in found["body"]


def test_every_bad_field_is_named_at_once():
    found = read(kind="rule", audience="all", effective_from="x")
    assert isinstance(found, dict)
    assert found.keys() == {"kind", "audience", "effective_from"}


def test_nesting_without_end_is_refused():
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert read(scope=deep) == {"record": "is nested too deeply; a record is a flat object"}


def test_a_language_is_written_one_way():
    found = read(language="pt-br")
    assert isinstance(found, Record)
    assert found.language == "pt-BR"


def test_the_digest_sees_every_part_of_the_content_but_the_note():
    base = read()
    assert isinstance(base, Record)
    digest = records.content_digest(base.content)
    assert records.content_digest(replace(base.content, change_note="x")) == digest
    changes: dict[str, Any] = {
        "title": "x", "body": "x", "kind": "policy", "risk": "high", "audience": "agent",
        "scope": {"region": "eu"}, "effective_from": "2026-03-01", "effective_until": "2026-03-01",
        "facts": [FACT],
    }  # fmt: skip
    for name, value in changes.items():
        changed = read(**{name: value})
        assert isinstance(changed, Record)
        assert records.content_digest(changed.content) != digest, name


def test_the_digest_does_not_see_the_order_of_facts():
    other = FACT | {"key": "refund.fee", "value": 3}
    one, two = read(facts=[FACT, other]), read(facts=[other, FACT])
    assert isinstance(one, Record)
    assert isinstance(two, Record)
    assert records.content_digest(one.content) == records.content_digest(two.content)


def test_a_staged_record_is_the_same_record():
    found = read(
        facts=[FACT | {"effective_from": "2026-03-01"}], scope={"region": "EU"}, owner="Desk",
        effective_from="2026-03-01", reviewed_at="2025-01-01", review_every_days=90,
        journey="Returns",
    )  # fmt: skip
    assert isinstance(found, Record)
    again = records.from_json(records.as_json(found))
    assert replace(again, lines={}) == found


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = st.sampled_from([*records.rules.FIELDS, "other"])


@given(st.dictionaries(_NAMES, _JSON, max_size=8))
def test_any_object_is_a_record_or_refused(fields: dict[str, Any]):
    found = read(**fields)
    assert isinstance(found, Record) or all(found.values())
