"""Features say what retrieval looked like after the gate."""

from __future__ import annotations

import pytest

from kb.search.features import MOST_MARGIN, coverage, features
from kb.search.lexical import Term
from kb.search.proposals import Candidate, Proposal
from policies import answerability
from tests.kb.search.test_quotes import Read

TERMS = [Term("blue", "blue", 1.0), Term("fee", "fee", 3.0)]


def candidate(number: int, blend: float, **given) -> Candidate:
    return Candidate(
        **{
            "passage_id": number,
            "article_id": number,
            "lexical": 1.0,
            "dense": 0.5,
            "blend": blend,
            **given,
        }
    )


def read(number: int, text: str = "blue") -> Read:
    return Read(text, passage_id=number, article_id=number)


def proposal(*candidates: Candidate) -> Proposal:
    return Proposal(candidates=list(candidates), terms=TERMS, dense_available=True)


def test_the_leading_served_passage_is_what_counts():
    found = features(
        proposal=proposal(candidate(1, 0.9), candidate(2, 0.85, lexical=2.5)), served=[read(2)]
    )
    assert (found.top_blend, found.top_lexical, found.query_terms) == (0.85, 2.5, 2)


def test_what_may_not_be_served_but_fits_better_makes_the_margin_negative():
    found = features(proposal=proposal(candidate(1, 0.9), candidate(2, 0.8)), served=[read(2)])
    assert found.margin == pytest.approx(-0.1)


def test_other_passages_of_the_same_article_are_no_rivals():
    rivals = proposal(candidate(1, 0.9), candidate(2, 0.89, article_id=1), candidate(3, 0.85))
    assert features(proposal=rivals, served=[read(1)]).margin == pytest.approx(0.05)


def test_a_lone_article_has_no_lead_without_limit():
    found = features(proposal=proposal(candidate(1, 0.9)), served=[read(1)])
    assert found.margin == MOST_MARGIN


def test_coverage_weighs_words_by_their_rarity_and_counts_title_and_headings():
    assert coverage(terms=TERMS, passage=read(1, "blue sky")) == pytest.approx(0.25)
    titled = Read("blue sky", title="Fees")
    assert coverage(terms=TERMS, passage=titled) == pytest.approx(1.0)
    assert coverage(terms=[], passage=titled) == 0.0


def test_nothing_served_is_nothing_found():
    found = features(proposal=proposal(candidate(1, 0.9)), served=[])
    calibration = answerability.calibration_for(found)
    assert answerability.probability(found, calibration) < 0.2


def test_a_passage_without_a_vector_is_judged_by_words():
    found = features(proposal=proposal(candidate(1, 0.4, dense=None)), served=[read(1)])
    assert not found.dense_available
    assert answerability.calibration_for(found) is answerability.LEXICAL
