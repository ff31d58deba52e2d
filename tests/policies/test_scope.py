"""Where something holds, and how far a request may narrow it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import scope

scopes = st.dictionaries(
    st.sampled_from(["region", "segment", "product", "channel"]), st.sampled_from(["a", "b", "c"])
)
complete_callers = st.fixed_dictionaries(
    {key: st.sampled_from(["a", "b", "c"]) for key in ["region", "segment", "product", "channel"]}
)

EU, EU_PREMIUM, PREMIUM, US = (
    {"region": "eu"},
    {"region": "eu", "segment": "premium"},
    {"segment": "premium"},
    {"region": "us"},
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({" Region ": " EU "}, EU),
        ({"region": "EU", "REGION": "eu"}, EU),
        ({"product": "Gold   Card"}, {"product": "gold card"}),
        ({"region": "STRASSE"}, {"region": "strasse"}),
        ({"region": "Straße"}, {"region": "strasse"}),
    ],
)
def test_a_scope_is_brought_into_one_spelling(raw, expected):
    assert scope.normalise(raw) == expected


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("region=EU", "scope: isn't a set of terms"),
        ([("region", "EU")], "scope: isn't a set of terms"),
        ({"region": ""}, r"scope\.region: value '' is empty"),
        ({" ": "EU"}, "scope: key ' ' is empty"),
        ({"region": 7}, r"scope\.region: value 7 isn't text"),
        ({"region": None}, r"scope\.region: value None isn't text"),
        ({"region": ["EU"]}, r"scope\.region: value .* isn't text"),
        ({7: "EU"}, "scope: key 7 isn't text"),
        ({"region": "EU", "Region": "US"}, r"scope\.region: is given twice"),
        ({"region": "E\x00U"}, r"scope\.region: value .* control character"),
    ],
)
def test_a_bad_scope_is_refused_by_the_name_of_its_key(raw, says):
    with pytest.raises(ValueError, match=says):
        scope.normalise(raw)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_normalising_twice_changes_nothing_more(raw):
    try:
        once = scope.normalise(raw)
    except ValueError:
        return
    assert scope.normalise(once) == once


@pytest.mark.parametrize(
    ("held", "caller", "expected"),
    [
        ({}, {}, True),
        ({}, EU, True),
        (EU, {}, True),
        (EU, EU, True),
        (EU, US, False),
        (EU, PREMIUM, True),
        (EU_PREMIUM, US, False),
    ],
)
def test_a_caller_matches_unless_a_key_differs(held, caller, expected):
    assert scope.matches(held, caller) is expected


@given(scopes, scopes)
def test_compatible_and_crossing_do_not_depend_on_the_order(a, b):
    assert scope.compatible(a, b) == scope.compatible(b, a)
    assert scope.crossing(a, b) == scope.crossing(b, a)


@given(scopes, scopes)
def test_two_scopes_stand_in_exactly_one_relation(a, b):
    relations = [
        a == b,
        not scope.compatible(a, b),
        scope.strictly_contains(a, b),
        scope.strictly_contains(b, a),
        scope.crossing(a, b),
    ]
    assert relations.count(True) == 1


@given(scopes, scopes, complete_callers)
def test_the_general_scope_matches_whoever_the_specific_one_matches(a, b, caller):
    if scope.strictly_contains(a, b) and scope.matches(b, caller):
        assert scope.matches(a, caller)


@given(scopes, scopes, complete_callers)
def test_no_caller_is_inside_two_incompatible_scopes(a, b, caller):
    if not scope.compatible(a, b):
        assert not (scope.matches(a, caller) and scope.matches(b, caller))


def test_an_empty_scope_contains_every_other_but_itself():
    assert scope.strictly_contains({}, EU)
    assert not scope.strictly_contains({}, {})
    assert not scope.strictly_contains(EU, EU)
    assert scope.crossing(EU, PREMIUM)


def test_missing_keys_are_those_the_caller_did_not_give():
    assert scope.missing_keys({"segment": "premium", "region": "eu"}, {}) == ("region", "segment")
    assert scope.missing_keys(EU, US) == ()


@given(scopes, scopes, complete_callers)
def test_a_request_narrows_and_never_widens(bound, requested, caller):
    if not scope.compatible(bound, requested):
        with pytest.raises(ValueError, match="bound to"):
            scope.narrow(bound, requested)
        return
    result = scope.narrow(bound, requested)
    assert scope.matches(result, caller) == (
        scope.matches(bound, caller) and scope.matches(requested, caller)
    )
