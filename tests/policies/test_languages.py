"""One spelling of a language tag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.languages import canonical_tag


@pytest.mark.parametrize(
    ("written", "tag"),
    [("EN", "en"), ("pt-br", "pt-BR"), ("ZH-hant-TW", "zh-Hant-TW"), ("de-1996", "de-1996")],
)
def test_a_tag_is_written_as_the_standard_recommends(written, tag):
    assert canonical_tag(written) == tag


@given(st.from_regex(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}", fullmatch=True))
def test_case_makes_no_other_language(tag):
    assert canonical_tag(tag.upper()) == canonical_tag(tag.lower()) == canonical_tag(tag)
