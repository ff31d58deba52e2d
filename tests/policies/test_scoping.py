"""Which scope a question names, and when to ask back."""

from __future__ import annotations

import pytest

from policies.scoping import AskBack, Contender, ask_back, evidence, named

NOTHING: dict[str, frozenset[str]] = {}


@pytest.mark.parametrize(
    ("question", "values", "found"),
    [
        ("fee of my light green account", ["green", "light green"], {"light green"}),
        ("Light GREEN or green?", ["green", "light green"], {"green", "light green"}),
        ("are greens cheaper", ["green"], set()),
        ("is it blue", ["blue", "red"], {"blue"}),
        ("anything", [], set()),
        ("anything", [""], set()),
    ],
)
def test_a_question_names_whole_values_and_the_longest(question, values, found):
    assert named(question, values) == found


def test_a_named_value_speaks_for_its_passage_and_against_others():
    names = {"product": frozenset({"blue"})}
    blue = evidence({"product": "blue"}, caller={}, names=names)
    red = evidence({"product": "red"}, caller={}, names=names)
    assert blue > 0 > red


def test_an_unnamed_scope_goes_behind_what_holds_everywhere():
    assert evidence({"region": "eu"}, caller={}, names=NOTHING) < 0
    assert evidence({}, caller={}, names=NOTHING) == 0


def test_what_the_caller_gave_is_settled():
    assert evidence({"region": "eu"}, caller={"region": "eu"}, names=NOTHING) == 0


def contender(article: int, score: float, **scope: str) -> Contender:
    return Contender(article_id=article, scope=scope, score=score)


@pytest.mark.parametrize(
    ("contenders", "expected"),
    [
        ([], None),
        ([contender(1, 0.9, region="uk"), contender(2, 0.88, region="eu")], ("uk", "eu")),
        ([contender(1, 0.9, region="uk"), contender(2, 0.7, region="eu")], None),
        ([contender(1, 0.9), contender(2, 0.9, region="eu")], None),
        ([contender(1, 0.9, region="uk"), contender(2, 0.9, region="uk")], None),
        ([contender(1, 0.9, region="uk", tier="a"), contender(2, 0.9, region="eu")], None),
    ],
)
def test_the_service_asks_back_where_the_leaders_differ_by_one_open_key(contenders, expected):
    asked = ask_back(contenders, caller={}, names=NOTHING)
    assert asked == (AskBack(key="region", values=expected) if expected else None)


def test_a_named_value_or_a_given_key_leaves_nothing_to_ask():
    two = [contender(1, 0.9, region="uk"), contender(2, 0.9, region="eu")]
    assert ask_back(two, caller={"region": "eu"}, names=NOTHING) is None
    assert ask_back(two, caller={}, names={"region": frozenset({"eu"})}) is None
