"""What changed, word by word, and nothing lost on either side."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kb.text.diff import Change, Kind, html_diff, word_diff

WORDS = st.sampled_from(["the", "fee", "is", "$5", "30", "days.", "<b>", "\n", "- x\n", " ", "é"])
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=60).map(" ".join))


def sides(changes: list[Change]) -> tuple[str, str]:
    """Put the old and the new text together again."""
    old = "".join(c.text for c in changes if c.kind is not Kind.insert)
    new = "".join(c.text for c in changes if c.kind is not Kind.delete)
    return old, new


def test_a_changed_number_is_shown_as_that_number_alone() -> None:
    assert word_diff("You have 30 days.\nEnd", "You have 14 days.\nEnd") == [
        Change(Kind.equal, "You have "),
        Change(Kind.delete, "30"),
        Change(Kind.insert, "14"),
        Change(Kind.equal, " days.\nEnd"),
    ]


def test_neighbouring_changed_words_are_shown_as_one_change() -> None:
    assert word_diff("please call our desk now", "please write to us now") == [
        Change(Kind.equal, "please "),
        Change(Kind.delete, "call our desk"),
        Change(Kind.insert, "write to us"),
        Change(Kind.equal, " now"),
    ]


def test_equal_texts_have_no_change() -> None:
    assert word_diff("a b", "a b") == [Change(Kind.equal, "a b")]
    assert word_diff("", "") == []


def test_html_marks_changes_and_escapes_everything() -> None:
    assert html_diff("a <b>", "a <i>") == "a &lt;<del>b</del><ins>i</ins>&gt;"


@given(TEXTS, TEXTS)
def test_both_texts_can_be_put_together_from_the_changes(old: str, new: str) -> None:
    changes = word_diff(old, new)
    assert sides(changes) == (old, new)
    assert all(change.text for change in changes)


@given(st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=30), st.randoms())
def test_an_edited_text_can_be_put_together_from_the_changes(
    lines: list[str], random: object
) -> None:
    old = "\n".join(lines)
    edited = list(lines)
    random.shuffle(edited)  # type: ignore[attr-defined]
    new = "\n".join([*edited[: len(edited) // 2], "a new line", *edited[len(edited) // 2 :]])
    assert sides(word_diff(old, new)) == (old, new)


@settings(max_examples=5, deadline=20_000)
@given(st.sampled_from(["x\n", "a b ", "{}\n", "word {} "]))
def test_a_huge_text_is_compared_in_reasonable_time(pattern: str) -> None:
    old = "".join(pattern.format(number) for number in range(60_000))
    new = "".join(pattern.format(number) for number in reversed(range(60_000)))
    assert sides(word_diff(old, new)) == (old, new)
