"""Where a sentence ends, and where it doesn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text.sentences import sentences


def parts(text: str) -> list[str]:
    """Return the sentences as text."""
    return [text[span.start : span.end] for span in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We refund you. It takes 5 days.", ["We refund you.", "It takes 5 days."]),
        ("Really?! Yes. (It is so.) Fine", ["Really?!", "Yes.", "(It is so.)", "Fine"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("The rate is 3.5% a year. Fees: $1.50.", ["The rate is 3.5% a year.", "Fees: $1.50."]),
        ("Ask Mr. Brown or Dr. Gray, e.g. Today.", ["Ask Mr. Brown or Dr. Gray, e.g. Today."]),
        ("See No. 5 and p. 12. Then go.", ["See No. 5 and p. 12.", "Then go."]),
        ("Can I? No. Refunds are final.", ["Can I?", "No.", "Refunds are final."]),
        ("In the U.S. Congress it is so.", ["In the U.S. Congress it is so."]),
        ("We ship to the U.S. You pay duty.", ["We ship to the U.S.", "You pay duty."]),
        ("Acme Inc. Holdings pays. Ask J. Smith.", ["Acme Inc. Holdings pays.", "Ask J. Smith."]),
        ("Open 9 a.m. to 5 p.m. daily.", ["Open 9 a.m. to 5 p.m. daily."]),
        ("Wait... what? visit example.com. now", ["Wait... what? visit example.com. now"]),
        ("Es gilt. Ärzte zahlen. École fermée.", ["Es gilt.", "Ärzte zahlen.", "École fermée."]),
        ("返金は三十日以内です。送料は無料です。", ["返金は三十日以内です。", "送料は無料です。"]),
        ("It costs 5. $10 more abroad.", ["It costs 5.", "$10 more abroad."]),
    ],
)
def test_prose_is_divided_where_a_reader_would_pause(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_a_list_item_is_a_sentence_of_its_own() -> None:
    text = "You need:\n- a receipt. Keep it.\n  - or a photo\n2) the card\n* x"
    assert parts(text) == [
        "You need:",
        "- a receipt. Keep it.",
        "- or a photo",
        "2) the card",
        "* x",
    ]


def test_a_table_row_is_never_divided() -> None:
    row = "Plan: Gold. The best. | Fee: $5 a month. Waived above $500. | Limit: 10"
    assert parts(f"{row}\nPlan: Silver | Fee: $3") == [row, "Plan: Silver | Fee: $3"]


def test_a_very_long_item_is_divided_like_prose() -> None:
    text = "- " + " ".join(["You wait a while."] * 30)
    assert parts(text)[0] == "- You wait a while."
    assert len(parts(text)) == 30


TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="aB .!?…\"')\n-1|。 \t\r\x85\u2028"),
    st.lists(
        st.sampled_from(["Mr.", "No.", "e.g.", "U.S.", "Go.", "5", "it", "- ", " | ", "\n", "(A"])
    ).map(" ".join),
)


@given(TEXTS)
def test_sentences_are_in_order_disjoint_and_cover_all_but_blanks(text: str) -> None:
    position = 0
    for start, end in sentences(text):
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@given(TEXTS)
def test_a_sentence_stays_within_one_line(text: str) -> None:
    assert all(len(part.splitlines()) == 1 for part in parts(text))
