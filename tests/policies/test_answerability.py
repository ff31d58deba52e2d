"""From the features of a retrieval to answering or abstaining."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.answerability import (
    BLENDED,
    LEXICAL,
    Calibration,
    Features,
    calibration_for,
    decide,
    probability,
)

STRONG = Features(
    top_blend=0.9,
    top_dense=0.8,
    top_lexical=18.0,
    margin=0.4,
    coverage=1.0,
    query_terms=5,
    dense_available=True,
)
LEXICAL_ONLY = replace(STRONG, top_dense=None, dense_available=False)


def test_the_probability_is_the_logistic_of_the_weighted_sum():
    calibration = Calibration(
        version="t", weights={"coverage": 2.0, "query_terms": -0.1}, intercept=-1.0, threshold=0.5
    )
    assert probability(STRONG, calibration) == pytest.approx(1 / (1 + math.exp(-0.5)))


@given(st.floats(-1e6, 1e6))
def test_the_probability_stays_between_nought_and_one(weight):
    calibration = Calibration(
        version="t", weights={"coverage": weight}, intercept=0.0, threshold=0.5
    )
    assert 0 <= probability(STRONG, calibration) <= 1


@pytest.mark.parametrize("calibration", [LEXICAL, BLENDED])
@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_of_the_question_covered_is_never_less_likely_answered(calibration, low, high):
    low, high = sorted((low, high))
    assert probability(replace(STRONG, coverage=low), calibration) <= probability(
        replace(STRONG, coverage=high), calibration
    )


def test_without_an_encoder_the_lexical_calibration_judges():
    assert calibration_for(STRONG) is BLENDED
    assert calibration_for(LEXICAL_ONLY) is LEXICAL
    assert 0 < probability(LEXICAL_ONLY, LEXICAL) < 1


def test_a_feature_that_was_not_measured_is_never_taken_for_nought():
    with pytest.raises(ValueError, match="top_dense: wasn't measured"):
        probability(LEXICAL_ONLY, BLENDED)


def test_a_calibration_of_something_unknown_is_refused():
    with pytest.raises(ValueError, match="weights: mood isn't a feature"):
        Calibration(version="t", weights={"mood": 1.0}, intercept=0.0, threshold=0.5)
    with pytest.raises(ValueError, match="threshold: "):
        Calibration(version="t", weights={}, intercept=0.0, threshold=1.5)


@pytest.mark.parametrize(
    ("chance", "threshold", "code"),
    [(0.5, 0.5, "grounded"), (0.49, 0.5, "below_threshold"), (1.0, 0.5, "grounded")],
)
def test_the_service_answers_from_the_threshold_on(chance, threshold, code):
    decision = decide(chance, threshold)
    assert decision.code == code
    assert decision.allowed == (code == "grounded")
