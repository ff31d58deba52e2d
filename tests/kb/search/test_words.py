"""What counts as the same word, and which words carry a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.search import words


@pytest.mark.parametrize("word", ["cancel", "cancels", "Cancelling", "CANCELLED", "cancellation"])
def test_forms_of_a_word_are_one_word(word):
    assert words.stems(word) == ["cancel"]


def test_accents_and_case_are_folded():
    assert words.stems("Café") == words.stems("cafe")


def test_what_is_written_around_a_question_is_not_its_subject():
    assert words.telling_words("hi, how do I get my money back please?") == ["money", "back"]


def test_a_question_of_function_words_alone_keeps_them():
    assert words.telling_words("Who are you?") == ["who", "are", "you"]


def test_a_word_asked_twice_counts_once():
    assert words.telling_words("refund refund REFUND") == ["refund"]


@given(st.text(max_size=200))
def test_any_text_can_be_read(text):
    assert all(word and len(word) < words.LONGEST_WORD for word in words.telling_words(text))
