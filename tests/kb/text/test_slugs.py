"""Slugs from titles."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text.slugs import MAX_LENGTH, slug


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Refunds & Returns: 30 days", "refunds-returns-30-days"),
        ("Café Zürich", "cafe-zurich"),
        ("a" * 200, "a" * MAX_LENGTH),
    ],
)
def test_a_title_becomes_words_joined_by_hyphens(title: str, expected: str) -> None:
    assert slug(title) == expected


def test_a_long_title_is_cut_between_words() -> None:
    assert slug("refund policy for damaged goods", max_length=16) == "refund-policy"
    assert slug("refund policy for damaged goods", max_length=13) == "refund-policy"


def test_a_title_without_latin_letters_gets_a_slug_of_its_own() -> None:
    assert re.fullmatch(r"article-[0-9a-f]{10}", slug("返金ポリシー"))
    assert slug("返金ポリシー") == slug("返金ポリシー") != slug("送料")


@given(st.text(), st.integers(min_value=20, max_value=100))
def test_a_slug_is_always_usable_and_never_too_long(title: str, length: int) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{1,%d}" % length, slug(title, max_length=length))  # noqa: UP031
