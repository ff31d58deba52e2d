"""Conflict, precedence and the value that governs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts import (
    KEY_PATTERN,
    Comparator,
    FactTerms,
    FactType,
    conflict,
    governing,
    unsettled_keys,
    valid_key,
)
from policies.scope import matches, strictly_contains

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EU, US, PREMIUM = {"region": "eu"}, {"region": "us"}, {"segment": "premium"}


def days(count, scope=None, *, comparator=Comparator.eq, start=None, end=None, unit="day"):
    return FactTerms(
        key="refund.window",
        type=FactType.duration,
        comparator=comparator,
        value=str(count),
        unit=unit,
        scope=scope or {},
        valid_from=start,
        valid_until=end,
    )


CASES = [
    # why, a, b, do they conflict
    ("equal scopes, different values", days(30), days(14), True),
    ("equal scopes, the same value", days(30), days(30), False),
    ("the same value in another unit", days(14), days(2, unit="week"), False),
    ("only the comparator differs", days(30), days(30, comparator=Comparator.le), True),
    ("another key", days(30), replace(days(14), key="refund.fee"), False),
    ("a default and its exception", days(30), days(14, EU), False),
    ("scopes apart", days(30, EU), days(14, US), False),
    ("crossing scopes", days(30, EU), days(14, PREMIUM), True),
    ("crossing scopes, the same value", days(30, EU), days(30, PREMIUM), False),
    ("an exception within an exception", days(30, EU), days(14, EU | PREMIUM), False),
    ("one ends where the other starts", days(30, end=NOON), days(14, start=NOON), False),
    ("they share a day", days(30, end=NOON + DAY), days(14, start=NOON), True),
    ("one of them is never", days(30, start=NOON, end=NOON), days(14), False),
    ("a month isn't thirty days", days(30), days(1, unit="month"), True),
]


@pytest.mark.parametrize(("why", "a", "b", "expected"), CASES, ids=[case[0] for case in CASES])
def test_two_facts_conflict_or_stand_together(why, a, b, expected):
    assert (conflict(a, b) is not None) is expected
    assert (conflict(b, a) is not None) is expected


def test_a_conflict_says_both_values_where_they_hold_and_what_would_mend_it():
    decision = conflict(days(30, EU), days(14, PREMIUM, comparator=Comparator.le))
    assert not decision
    assert decision.code == "fact_conflict"
    assert "30 days for region eu" in decision.reason
    assert "at most 14 days for segment premium" in decision.reason
    assert "where both scopes meet" in decision.reason
    assert "everywhere" in conflict(days(30), days(14)).reason


scopes = st.dictionaries(st.sampled_from(["region", "segment"]), st.sampled_from(["a", "b"]))
callers = st.fixed_dictionaries({key: st.sampled_from(["a", "b"]) for key in ["region", "segment"]})
moments = st.integers(min_value=0, max_value=4).map(lambda count: NOON + count * DAY)
terms = st.builds(
    days,
    st.sampled_from([14, 30]),
    scopes,
    comparator=st.sampled_from([Comparator.eq, Comparator.le]),
    start=st.none() | moments,
    end=st.none() | moments,
)


@given(terms, terms)
def test_conflict_does_not_depend_on_the_order(a, b):
    assert (conflict(a, b) is None) == (conflict(b, a) is None)


@given(terms)
def test_nothing_conflicts_with_itself(a):
    assert conflict(a, a) is None


@given(terms, terms, callers, moments)
def test_two_facts_conflict_only_if_some_caller_could_be_told_both(a, b, caller, moment):
    both = all(
        matches(fact.scope, caller) and fact.holds_at(moment) and fact.says() for fact in (a, b)
    )
    if both and a.says() != b.says() and conflict(a, b) is None:
        assert strictly_contains(a.scope, b.scope) or strictly_contains(b.scope, a.scope)


@given(st.lists(terms, max_size=5), callers, moments)
def test_without_a_conflict_the_most_specific_match_governs_every_caller(revisions, caller, moment):
    standing: list[FactTerms] = []
    for revision in revisions:
        if all(conflict(revision, other) is None for other in standing):
            standing.append(revision)
    governs = governing(standing, caller, at=moment)
    possible = [fact for fact in standing if matches(fact.scope, caller) and fact.holds_at(moment)]
    assert (governs is None) == (not possible)
    if governs is not None:
        assert governs in possible
        assert not any(strictly_contains(governs.scope, other.scope) for other in possible)
        assert unsettled_keys(standing, caller, at=moment) == ()


@pytest.mark.parametrize(
    ("revisions", "caller", "governs", "unsettled"),
    [
        ([], {}, None, ()),
        ([days(30)], EU, days(30), ()),
        ([days(30), days(14, EU)], EU, days(14, EU), ()),
        ([days(30), days(14, EU)], US, days(30), ()),
        ([days(30), days(14, EU)], {}, days(30), ("region",)),
        ([days(30), days(30, EU)], {}, days(30), ()),
        ([days(14, EU)], {}, days(14, EU), ()),
        ([days(14, EU), days(30, US)], {}, None, ("region",)),
        ([days(14, EU), days(14, US)], {}, days(14, EU), ()),
        ([days(14, EU)], US, None, ()),
        ([days(14, EU), days(30, PREMIUM)], EU | PREMIUM, None, ()),
        (
            [days(14, EU), days(30, PREMIUM), days(7, EU | PREMIUM)],
            EU | PREMIUM,
            days(7, EU | PREMIUM),
            (),
        ),
    ],
)
def test_the_most_specific_match_governs_and_nothing_is_picked_by_chance(
    revisions, caller, governs, unsettled
):
    assert governing(revisions, caller) == governs
    reversed_too = governing(revisions[::-1], caller)
    assert (reversed_too and reversed_too.says()) == (governs and governs.says())
    assert unsettled_keys(revisions, caller) == unsettled


def test_a_revision_outside_its_own_period_does_not_govern():
    revisions = [days(30, end=NOON), days(14, start=NOON)]
    assert governing(revisions, {}, at=NOON - DAY).value == "30"
    assert governing(revisions, {}, at=NOON).value == "14"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("refund.window", True),
        ("fee", True),
        ("card.tier_1.fee", True),
        ("card.24h", True),
        ("", False),
        ("Refund.window", False),
        ("refund..window", False),
        ("refund.", False),
        (".refund", False),
        ("1refund", False),
        ("refund window", False),
        ("refund.window\n", False),
        ("a" * 100, True),
        ("a" * 101, False),
    ],
)
def test_a_key_is_lower_case_words_joined_by_points(key, expected):
    assert valid_key(key) is expected


def test_the_form_of_a_key_can_stand_inside_a_longer_pattern():
    assert KEY_PATTERN.match("{{ fact refund.window }}", len("{{ fact "))[0] == "refund.window"
