"""Two values of one fact never hold in one place at one time; PostgreSQL says so like the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from kb import gate
from kb.actions import publishing
from kb.actions.preparing import terms_of
from kb.actions.work import Actor
from kb.errors import Refused
from kb.models import Fact, FactPeriod, FactRevision, Person, Version
from policies import facts, scope
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused, stopped

DAY = timedelta(days=1)
PROPERTY = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def declared(value: str, **given: Any) -> dict[str, Any]:
    return {"key": "refund.window", "type": "duration", "value": value, **given}


def policy(team: dict[str, Person], *values: dict[str, Any], **given: Any) -> Version:
    """A policy that carries these values, in force or scheduled."""
    return stories.published(team, kind="policy", facts=values, **given)


def approved_policy(team: dict[str, Person], *values: dict[str, Any], **given: Any) -> Version:
    """A published policy that has no period yet."""
    written = stories.draft(team["editor"], kind="policy", facts=values, **given)
    version = stories.submit(written, team["editor"])
    refusing.sign(version, team["approver"])
    refusing.publish(version)
    return version


def test_another_value_of_the_same_scope_is_refused(team):
    policy(team, declared("30 days"))
    version = approved_policy(team, declared("14 days"))
    with refused("fact_conflict"):
        refusing.put_in_force(version)


def test_another_comparator_is_another_value(team):
    policy(team, declared("30 days"))
    version = approved_policy(team, declared("30 days", comparator="at most"))
    with refused("fact_conflict"):
        refusing.put_in_force(version)


def test_another_value_of_a_crossing_scope_is_refused(team):
    policy(team, declared("30 days", scope={"region": "EU"}))
    version = approved_policy(team, declared("14 days", scope={"segment": "business"}))
    with refused("fact_conflict"):
        refusing.put_in_force(version)


def test_one_version_cannot_carry_two_values_that_conflict(team):
    version = approved_policy(team, declared("30 days"), declared("14 days"))
    with refused("fact_conflict"):
        refusing.put_in_force(version)


@pytest.mark.parametrize(
    "other",
    [
        {"value": "14 days", "scope": {"region": "EU", "segment": "business"}},
        {"value": "14 days"},
        {"value": "14 days", "scope": {"region": "US"}},
        {"value": "30 days", "scope": {"segment": "business"}},
        {"value": "720 hours", "scope": {"region": "EU"}},
        {"value": "14 days", "scope": {"region": "EU"}, "key": "return.window"},
    ],
    ids=["an exception", "a default", "elsewhere", "the same crossing", "the same", "another key"],
)
def test_what_does_not_conflict_is_allowed(other: dict[str, Any], team):
    policy(team, declared("30 days", scope={"region": "EU"}))
    refusing.put_in_force(
        approved_policy(team, {"type": "duration", "key": "refund.window"} | other)
    )


def test_another_value_at_another_time_is_allowed(team):
    change = (gate.clock() + 9 * DAY).isoformat()
    policy(team, declared("30 days", effective_until=change))
    refusing.put_in_force(approved_policy(team, declared("14 days", effective_from=change)))


def test_another_value_after_the_first_policy_s_own_end_is_allowed(team):
    change = gate.clock() + 9 * DAY
    policy(team, declared("30 days"), effective_until=change)
    refusing.put_in_force(approved_policy(team, declared("14 days"), effective_from=change))


def test_a_period_that_is_given_more_time_is_judged_again(team):
    """The follower that made room is retired, but another policy has the time by now."""
    change = gate.clock() + 9 * DAY
    first = policy(team, declared("30 days"))
    follower = stories.approve(
        stories.successor(team, first, facts=(), effective_from=change), team["approver"]
    )
    policy(team, declared("14 days"), effective_from=change)
    with pytest.raises(Refused) as refusal:
        publishing.retire_version(
            actor=Actor.of(team["approver"]), version_id=follower.pk, why="not after all"
        )
    assert refusal.value.code == "fact_conflict"


def test_a_version_that_renders_a_superseded_value_never_takes_force(team):
    first = policy(team, declared("30 days"))
    text = stories.submit(
        stories.draft(team["editor"], body="Within {{ fact refund.window }}."), team["editor"]
    )
    stories.approve(stories.successor(team, first, facts=(declared("14 days"),)), team["approver"])
    refusing.sign(text, team["approver"])
    refusing.publish(text)
    with refused("fact_superseded"):
        refusing.put_in_force(text)


def test_a_version_that_renders_a_value_before_it_governs_never_takes_force(team):
    start = gate.clock() + 9 * DAY
    first = policy(team, declared("30 days"), effective_from=start)
    text = refusing.draft(
        team["editor"], article_id=first.article_id, language="de", body="Within 30 days."
    )
    pinned = FactRevision.objects.get()
    refusing.insert("kb_pinnedfact", version_id=text.pk, revision_id=pinned.pk)
    text = stories.submit(text, team["editor"])
    refusing.sign(text, team["approver"])
    refusing.publish(text)
    with refused("fact_superseded"):
        refusing.put_in_force(text)


@pytest.mark.parametrize("column", ["value", "canonical", "display", "scope", "fact_id", "digest"])
def test_a_revision_never_changes(column: str, team):
    policy(team, declared("30 days"))
    row = FactRevision.objects.get()
    other = {"scope": Jsonb({}), "fact_id": row.fact_id}.get(column, "1")
    with refused("append_only"):
        refusing.update("kb_factrevision", row.pk, **{column: other})


@pytest.mark.parametrize("column", ["key", "type"])
def test_a_fact_never_changes(column: str, team):
    policy(team, declared("30 days"))
    with refused("append_only"):
        refusing.update("kb_fact", Fact.objects.get().pk, **{column: "other"})


def test_the_application_cannot_say_itself_when_a_value_governs(team):
    policy(team, declared("30 days"))
    row = FactPeriod.objects.get()
    with stopped(refusing.BY_GRANT):
        refusing.update("kb_factperiod", row.pk, ends_at=None)
    with stopped(refusing.BY_GRANT):
        refusing.insert(
            "kb_factperiod", period_id=row.period_id, fact_id=row.fact_id,
            revision_id=row.revision_id, starts_at=row.starts_at,
        )  # fmt: skip


SCOPES = st.dictionaries(
    st.sampled_from(["region", "segment", "channel"]), st.sampled_from(["a", "b"]), max_size=3
)
MOMENTS = st.none() | st.integers(-2, 4).map(
    lambda days: datetime(2190, 1, 3, tzinfo=UTC) + days * DAY
)


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Values of one key that are often the same, in scopes and times that often meet."""
    start, end = draw(MOMENTS), draw(MOMENTS)
    if start and end and end <= start:
        start, end = end, start if end < start else None
    return declared(
        draw(st.sampled_from(["14 days", "2 weeks", "336 hours", "30 days", "14 business days"])),
        comparator=draw(st.sampled_from(["eq", "le"])),
        scope=draw(SCOPES),
        effective_from=start.isoformat() if start else None,
        effective_until=end.isoformat() if end else None,
    )


@PROPERTY
@given(one=declarations(), other=declarations(), apart=st.booleans())
def test_postgresql_and_the_rules_agree_on_what_conflicts(team, one, other, apart):
    """Two declarations, in one policy or in two, against `policies.facts.conflict`."""
    with transaction.atomic():
        versions = (
            [approved_policy(team, one), approved_policy(team, other)]
            if apart
            else [approved_policy(team, one, other)]
        )
        a, b = (
            replace(terms_of(canonical), valid_from=_begin(terms_of(canonical)))
            for canonical in (versions[0].facts[0], versions[-1].facts[-1])
        )
        note(f"{a}\n{b}")
        if facts.conflict(a, b) is not None:
            with refused("fact_conflict"):
                for version in versions:
                    refusing.put_in_force(version)
        else:
            for version in versions:
                refusing.put_in_force(version)
        transaction.set_rollback(True)


def _begin(terms: facts.FactTerms) -> datetime:
    """A value begins with its policy at the earliest; both do so about now."""
    return terms.valid_from or datetime(2026, 1, 1, tzinfo=UTC)


@PROPERTY
@given(a=SCOPES, b=SCOPES)
def test_sql_and_the_rules_agree_on_compatible_scopes(db, a, b):
    found = refusing.sql("SELECT kb_compatible(%s, %s)", Jsonb(a), Jsonb(b))[0][0]
    assert found == scope.compatible(a, b)
