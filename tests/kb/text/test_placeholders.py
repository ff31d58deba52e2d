"""Holes in a text are found, and never taken for an answer."""

from __future__ import annotations

import pytest

from kb.text.placeholders import has_placeholder, is_only_placeholder, placeholder_spans


@pytest.mark.parametrize(
    "sentence",
    [
        "The rate is [value not available].",
        "The fee is $[value not available] (USD).",
        "[TBD]",
        "Late fee: TBD",
        "Limit: [to be confirmed]",
        "Call [insert number]",
        "Write to {{ site.email_support }}",
        "Fee: [?]",
        "Lorem ipsum dolor",
        "[Not yet known]",
    ],
)
def test_a_hole_is_found(sentence: str) -> None:
    assert has_placeholder(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The value is not available in the app.",
        "Press [Pull up Account] and then [N/A].",
        "See [1] and [the terms].",
        "The box [ ] must be ticked.",
        "Say: your limit is [amount].",
        "Use {x} or [] here",
    ],
)
def test_brackets_alone_are_not_a_hole(sentence: str) -> None:
    assert not has_placeholder(sentence)


def test_spans_tell_where_the_holes_stand() -> None:
    text = "From [TBD] to [value not available]"
    assert [text[s.start : s.end] for s in placeholder_spans(text)] == [
        "[TBD]",
        "[value not available]",
    ]


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("The rate is [value not available].", True),
        ("The fees are:\n- Late fee: [value not available]\n- Early fee: [TBD]", True),
        ("1. Fees\n2. [value not available]", True),
        ("The rate is [value not available]. You can see it in the app at any time.", False),
        ("- Late fee: $5\n- Early fee: [TBD]", False),
        ("The rate is 5%.", False),
    ],
)
def test_a_text_is_only_holes_when_nothing_else_is_said(text: str, only: bool) -> None:
    assert is_only_placeholder(text) is only
