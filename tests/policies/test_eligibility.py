"""Reasons, their decisions, and what a caller may learn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.eligibility import (
    DECISION_OF,
    SENTENCE_OF,
    DecisionKind,
    ReasonCode,
    Refusal,
    answer_reason_for_refusals,
    foremost,
    reveal,
    unanswered,
)

ESCALATE = {
    "on_hold",
    "conflict",
    "sensitive_topic",
    "person_requested",
    "anger",
    "repeated_point",
    "repeat_contact",
    "journey_not_ready",
}


@pytest.mark.parametrize("reason", ReasonCode)
def test_every_reason_belongs_to_one_decision(reason):
    if reason == "grounded":
        expected = DecisionKind.answer
    elif reason == "ambiguous":
        expected = DecisionKind.clarify
    elif reason in ESCALATE:
        expected = DecisionKind.escalate
    else:
        expected = DecisionKind.abstain
    assert DECISION_OF[reason] is expected


def test_every_reason_has_a_sentence_for_a_person():
    assert set(SENTENCE_OF) == set(ReasonCode)
    assert all(sentence.endswith(".") for sentence in SENTENCE_OF.values())


@pytest.mark.parametrize(
    ("refusals", "reason"),
    [
        ([], "no_governing_article"),
        (["expired"], "expired_only"),
        (["retired"], "expired_only"),
        (["superseded"], "expired_only"),
        (["superseded", "superseded"], "expired_only"),
        (["superseded", "on_hold"], "on_hold"),
        (["superseded", "not_yet_in_effect"], "no_governing_article"),
        (["on_hold", "expired"], "on_hold"),
        (["expired", "on_hold"], "expired_only"),
        (["review_overdue"], "review_overdue"),
        (["fact_superseded"], "fact_superseded"),
        (["out_of_scope"], "out_of_scope"),
        (["out_of_audience", "on_hold"], "out_of_audience"),
        (["journey_not_ready"], "journey_not_ready"),
        (["not_approved"], "no_governing_article"),
        (["not_yet_in_effect"], "no_governing_article"),
        (["placeholder"], "no_governing_article"),
    ],
)
def test_the_best_refused_candidate_gives_the_reason(refusals, reason):
    assert answer_reason_for_refusals([Refusal(name) for name in refusals]) == reason


@given(st.lists(st.sampled_from(Refusal)))
def test_refused_candidates_never_make_an_answer(refusals):
    decision = DECISION_OF[answer_reason_for_refusals(refusals)]
    assert decision in {DecisionKind.abstain, DecisionKind.escalate}


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("reason", ReasonCode)
def test_only_another_audience_is_hidden_and_only_from_those_who_may_not_know(reason, probability):
    assert reveal(reason, probability=probability, may_know=True) is reason
    told = reveal(reason, probability=probability, may_know=False)
    if reason is ReasonCode.out_of_audience:
        assert told is unanswered(probability)
        assert DECISION_OF[told] is DECISION_OF[reason]
    else:
        assert told is reason


def test_what_is_far_from_the_question_governs_nothing():
    assert unanswered(0.05) is ReasonCode.no_governing_article
    assert unanswered(0.7) is ReasonCode.below_threshold


def test_of_several_refusals_the_first_in_precedence_is_told():
    assert foremost([Refusal.on_hold, Refusal.out_of_audience]) is Refusal.out_of_audience
    assert foremost([Refusal.review_overdue, Refusal.expired]) is Refusal.expired
    assert foremost([]) is None
