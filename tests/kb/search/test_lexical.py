"""Words find passages, also misspelt ones, and a damaged folder is an error that can be caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.search.errors import IndexUnusableError
from kb.search.lexical import LexicalIndex, LexicalWriter, idf
from tests.kb.search.passages import entry


def index(folder: Path, *entries) -> LexicalIndex:
    writer = LexicalWriter(folder, create=True)
    writer.add(entries)
    writer.commit()
    return LexicalIndex(folder)


def found(held: LexicalIndex, question: str, **given) -> list[int]:
    hits = held.search(held.terms(question), limit=10, **given)
    return [hit.passage_id for hit in hits]


def test_any_of_the_words_is_enough_and_more_of_them_are_better(tmp_path):
    held = index(
        tmp_path,
        entry(1, "A refund takes five days."),
        entry(2, "A refund reaches your card in five days."),
        entry(3, "Parcels are sent daily."),
    )
    assert found(held, "refund to my card") == [2, 1]


def test_titles_and_headings_count_as_words_of_the_passage(tmp_path):
    held = index(
        tmp_path,
        entry(1, "It takes a week.", title="Delivery"),
        entry(2, "It takes a week.", headings=("Refunds",)),
    )
    assert found(held, "delivery") == [1]
    assert found(held, "refunded") == [2]


@pytest.mark.parametrize(
    "written", ["cancelation", "cancelltaion", "cancellationn", "canxellation"]
)
def test_a_misspelt_word_finds_the_word_that_is_held(tmp_path, written):
    held = index(tmp_path, entry(1, "Cancellation is free."), entry(2, "Delivery is free."))
    assert found(held, written)[:1] == [1]


def test_a_short_or_unlike_word_is_not_mended(tmp_path):
    held = index(tmp_path, entry(1, "A bulk order is free."))
    assert found(held, "bulb") == []
    assert found(held, "zebra crossing") == []


def test_only_passages_of_the_asked_language_are_found_whatever_the_region(tmp_path):
    held = index(
        tmp_path,
        entry(1, "Hotel", language="en-GB"),
        entry(2, "Hotel", language="de"),
        entry(3, "Hotel", language="DE_at"),
    )
    assert found(held, "hotel", language="en-US") == [1]
    assert sorted(found(held, "hotel", language="de-CH")) == [2, 3]
    assert sorted(found(held, "hotel")) == [1, 2, 3]


def test_what_is_for_others_is_left_out_where_that_is_asked(tmp_path):
    held = index(tmp_path, entry(1, "Fees", audience=1), entry(2, "Fees", audience=2))
    assert found(held, "fees", audience=1) == [1]
    assert sorted(found(held, "fees", audience=2)) == [1, 2]


def test_coverage_is_the_share_of_the_words_that_are_there(tmp_path):
    held = index(tmp_path, entry(1, "blue card fee"), entry(2, "blue sky"), entry(3, "red"))
    terms = held.terms("blue card fee")
    shares = held.coverage(terms, [1, 2, 3])
    assert shares[1] == pytest.approx(1.0)
    assert 0.0 < shares[2] < 0.5
    assert 3 not in shares


def test_a_word_that_every_passage_of_a_small_base_holds_still_counts(tmp_path):
    held = index(tmp_path, entry(1, "refund"), entry(2, "refund"))
    (hit, _) = held.search(held.terms("refund"), limit=2)
    assert hit.score > 0.5


def test_a_rarer_word_weighs_more_and_no_word_weighs_nothing():
    weights = [idf(held=1000, frequency=n) for n in (0, 1, 10, 500, 1000)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0


def test_removed_articles_are_gone_and_added_ones_there(tmp_path):
    index(tmp_path, entry(1, "old words"), entry(2, "old words"))
    writer = LexicalWriter(tmp_path)
    writer.remove_articles([1])
    writer.add([entry(3, "old words")])
    writer.commit()
    assert sorted(found(LexicalIndex(tmp_path), "old")) == [2, 3]


def test_a_view_stays_as_it_was_when_it_was_opened(tmp_path):
    before = index(tmp_path, entry(1, "words"))
    writer = LexicalWriter(tmp_path)
    writer.remove_articles([1])
    writer.commit()
    assert found(before, "words") == [1]


def test_a_folder_that_is_no_index_is_an_error_of_ours(tmp_path):
    with pytest.raises(IndexUnusableError):
        LexicalIndex(tmp_path / "nothing")


def test_a_segment_cut_short_is_noticed(tmp_path):
    held = index(tmp_path, entry(1, "words"))
    assert held.is_whole()
    segment = max(tmp_path.glob("*.store"))
    segment.write_bytes(segment.read_bytes()[:10])
    assert not held.is_whole()
    with pytest.raises(IndexUnusableError):
        found(LexicalIndex(tmp_path), "words")
