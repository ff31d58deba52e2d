"""Quotes are verbatim sentences, and never one with a hole in it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from kb.search import words
from kb.search.lexical import Term
from kb.search.quotes import quotes


@dataclass(frozen=True)
class Read:
    """A passage as the gate gives it."""

    text: str
    title: str = "Untold"
    headings: tuple[str, ...] = ()
    passage_id: int = 1
    article_id: int = 1


def terms(query: str) -> list[Term]:
    return [Term(w, words.stems(w)[0], 1.0) for w in words.telling_words(query)]


def texts(query: str, *passages: Read, **given) -> list[str]:
    found = quotes(terms=terms(query), passages=passages, query=query, **given)
    return [quote.text for quote in found]


FEES = Read("We accept cards. A cash withdrawal abroad is charged 3 %. Bring a passport.")


def test_the_sentence_with_the_words_of_the_question_is_quoted():
    assert texts("charge for cash abroad", FEES)[0] == "A cash withdrawal abroad is charged 3 %."


def test_where_a_number_is_asked_for_the_sentence_with_one_wins():
    read = Read("Refunds take time. A refund takes 5 days. A refund is a payment.")
    assert texts("how long does a refund take", read)[0] == "A refund takes 5 days."


def test_a_lead_in_is_not_preferred_to_what_it_announces():
    read = Read("For a refund send:\n- the refund form\n- a photo")
    assert texts("refund", read)[0] == "- the refund form"


def test_a_sentence_with_a_hole_is_never_quoted():
    read = Read("The refund fee is [value not available]. Refunds take time.")
    assert texts("refund fee", read) == ["Refunds take time."]
    assert texts("refund fee", Read("The refund fee is [TBD].")) == []


def test_the_first_passage_is_preferred():
    later = Read("A cash withdrawal abroad is charged 4 %.", passage_id=2)
    assert texts("cash abroad", FEES, later)[0] == "A cash withdrawal abroad is charged 3 %."


def test_a_passage_found_by_meaning_alone_still_gives_a_quote():
    assert texts("zebra", FEES) == ["We accept cards."]


def test_the_same_sentence_is_quoted_once():
    assert texts("passport", FEES, Read("Bring a passport.")) == ["Bring a passport."]


def test_no_passage_gives_no_quote():
    assert quotes(terms=terms("x"), passages=[]) == []


@given(st.lists(st.text(max_size=200), max_size=4), st.text(max_size=60), st.integers(1, 5))
def test_every_quote_is_verbatim(bodies, query, limit):
    passages = [Read(body) for body in bodies]
    found = quotes(terms=terms(query), passages=passages, query=query, limit=limit)
    assert len(found) <= limit
    for quote in found:
        assert passages[quote.passage_index].text[quote.start : quote.end] == quote.text
