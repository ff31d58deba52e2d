"""A highlight shows where the words are, and nothing of the text runs as markup."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from kb.search.highlighting import highlighted


def test_other_forms_of_the_word_are_marked_too():
    assert highlighted("All refunds are refunded.", {"refund"}) == (
        "All <mark>refunds</mark> are <mark>refunded</mark>."
    )


def test_the_stretch_with_most_different_words_is_shown():
    text = "fee " * 3 + "x " * 400 + "a fee on the blue card " + "y " * 400
    shown = highlighted(text, {"fee", "blue", "card"})
    assert "<mark>blue</mark> <mark>card</mark>" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 400


def test_without_the_words_nothing_is_shown():
    assert highlighted("Nothing here.", {"refund"}) == ""


@given(st.text(alphabet="ab <>&\"'é\n", max_size=400))
def test_only_marks_are_markup_and_the_text_is_the_texts(text):
    shown = highlighted(text, {"ab", "a"})
    bare = re.sub(r"</?mark>", "", shown)
    assert not re.search(r"[<>]", bare)
    words = unescape(bare).strip("… ").split()
    assert " ".join(words) in " ".join(text.split())
