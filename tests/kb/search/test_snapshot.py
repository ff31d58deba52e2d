"""A snapshot with its parts proposes what an index built at one go proposes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.search import building, manifest
from kb.search.errors import IndexUnusableError
from kb.search.matrix import exact_scores
from kb.search.snapshot import Snapshot
from tests.kb.search.passages import DIMENSIONS, SCANNER, built, entry, vector

WORDS = ("refund", "card", "parcel", "zebra", "fee", "account", "blue", "late")


def question(seed: int):
    return vector(seed).astype(np.float32)


def proposed(snapshot: Snapshot, query: str = "refund card", **given):
    asked = {"vector": question(1), "limit": 10, **given}
    return snapshot.propose(query=query, **asked).candidates


def extended(snapshot: Snapshot, removed, entries, vectors=None) -> Snapshot:
    made = building.extend(
        snapshot,
        mark=None,
        removed=removed,
        entries=entries,
        vectors=[vector(one.passage_id) for one in entries] if vectors is None else vectors,
    )
    return Snapshot(snapshot.folder, made, scanner=SCANNER)


def test_meaning_finds_what_shares_no_word(tmp_path):
    held = built(tmp_path, [entry(n, "nothing alike") for n in range(1, 6)])
    first = proposed(held, vector=question(3))[0]
    assert (first.passage_id, first.lexical) == (3, 0.0)
    assert first.dense == pytest.approx(1.0, abs=0.01)


def test_words_alone_propose_where_there_is_no_vector(tmp_path):
    held = built(tmp_path, [entry(1, "refund"), entry(2, "parcel")])
    proposal = held.propose(query="refund", vector=None, limit=5)
    assert [one.passage_id for one in proposal.candidates] == [1]
    assert not proposal.dense_available
    assert proposal.candidates[0].dense is None


def test_a_passage_whose_vector_is_missing_is_found_by_its_words(tmp_path):
    held = built(tmp_path, [entry(1, "refund"), entry(2, "parcel")], vectors=[None, vector(2)])
    assert held.manifest.pending == [1]
    found = {one.passage_id: one for one in proposed(held, "refund")}
    assert found[1].dense is None
    assert found[1].blend > 0


def test_a_question_of_another_encoder_is_asked_by_words_alone(tmp_path):
    held = built(tmp_path, [entry(1, "refund")])
    other = vector(1, DIMENSIONS * 2).astype(np.float32)
    proposal = held.propose(query="refund", vector=other, limit=5)
    assert not proposal.dense_available


def test_language_and_audience_hold_for_meaning_too(tmp_path):
    held = built(
        tmp_path,
        [entry(1, "x"), entry(2, "x", language="de"), entry(3, "x", audience=2)],
    )
    ids = {one.passage_id for one in proposed(held, language="en", audience=1)}
    assert ids == {1}


def test_no_more_than_asked_for_are_proposed_and_the_best_come_first(tmp_path):
    held = built(tmp_path, [entry(n, "refund card") for n in range(1, 40)])
    scores = [one.blend for one in proposed(held, limit=7)]
    assert len(scores) == 7
    assert scores == sorted(scores, reverse=True)


def test_an_empty_index_proposes_nothing(tmp_path):
    assert proposed(built(tmp_path, [])) == []


def test_an_extension_twice_is_the_same_as_once(tmp_path):
    held = built(tmp_path, [entry(1, "old refund"), entry(2, "card")])
    new = [entry(3, "new refund", article_id=1)]
    once = extended(held, [1], new)
    before = proposed(once)
    twice = extended(once, [1], new)
    assert [one.passage_id for one in proposed(twice)] == [one.passage_id for one in before]
    assert twice.size == once.size == 2


def test_a_reader_goes_on_with_what_it_opened(tmp_path):
    held = built(tmp_path, [entry(1, "refund")])
    extended(held, [1], [])
    built(tmp_path, [entry(2, "refund")])
    assert [one.passage_id for one in proposed(held)] == [1]


def test_earlier_generations_are_removed(tmp_path):
    built(tmp_path, [entry(1, "refund")])
    second = built(tmp_path, [entry(2, "refund")])
    assert [path.name for path in tmp_path.glob("g-*")] == [second.manifest.generation]


def test_folding_keeps_every_row_and_its_scores(tmp_path):
    held = built(tmp_path, [entry(n, f"refund {n}") for n in range(1, 9)])
    parts = extended(extended(held, [2], [entry(20, "card")]), [3, 4], [entry(30, "parcel")])
    folded = Snapshot(tmp_path, building.fold(parts), scanner=SCANNER)
    assert len(folded.parts) == 1
    assert proposed(folded) == proposed(parts)
    assert list(folded.passage_ids()) == [1, 5, 6, 7, 8, 20, 30]


def test_many_parts_ask_to_be_folded(tmp_path):
    held = built(tmp_path, [entry(1, "refund")])
    assert not building.wants_folding(held.manifest)
    for _ in range(building.MOST_PARTS):
        held = extended(held, [1], [entry(1, "refund")])
    assert building.wants_folding(held.manifest)


articles = st.dictionaries(
    st.integers(1, 8), st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), max_size=8
)


@settings(max_examples=12, deadline=None)
@given(first=articles, changes=st.lists(articles, min_size=1, max_size=4), fold=st.booleans())
def test_parts_propose_what_a_rebuild_proposes(first, changes, fold):
    with tempfile.TemporaryDirectory() as folder:
        state = {n: entry(n, " ".join(text)) for n, text in first.items()}
        held = built(Path(folder) / "parts", [state[n] for n in sorted(state)])
        for step, change in enumerate(changes, start=1):
            new = [
                entry(step * 100 + n, " ".join(text), article_id=n)
                for n, text in sorted(change.items())
            ]
            state = {n: one for n, one in state.items() if n not in change}
            state |= {one.article_id: one for one in new}
            held = extended(held, change, new)
            if fold:
                held = Snapshot(held.folder, building.fold(held), scanner=SCANNER)
        entries = sorted(state.values(), key=lambda one: one.passage_id)
        fresh = built(Path(folder) / "fresh", entries)
        ours = {one.passage_id: one for one in proposed(held, "refund card blue")}
        theirs = {one.passage_id: one for one in proposed(fresh, "refund card blue")}
        assert ours.keys() == theirs.keys()
        for passage_id, one in ours.items():
            assert one.dense == theirs[passage_id].dense
            # Removed passages count for word frequencies until segments merge.
            assert one.blend == pytest.approx(theirs[passage_id].blend, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_quick_scan_is_close_to_the_exact_cosine(seed):
    with tempfile.TemporaryDirectory() as folder:
        held = built(Path(folder), [entry(n, "x") for n in range(1, 30)])
        part = held.parts[0]
        quick = SCANNER.scores(part, question(seed))
        exact = exact_scores(part, np.arange(len(part.rows)), question(seed))
        assert np.abs(quick - exact).max() < 0.03


@pytest.mark.parametrize("name", ["rows", "coarse", "exact"])
@pytest.mark.parametrize("damage", ["cut short", "longer", "removed"])
def test_a_damaged_part_is_never_opened(tmp_path, name, damage):
    held = built(tmp_path, [entry(1, "refund")])
    path = tmp_path / held.manifest.generation / "0" / name
    if damage == "removed":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-1] if damage == "cut short" else content + b"x")
    assert not held.is_whole()
    with pytest.raises(IndexUnusableError):
        Snapshot(tmp_path, held.manifest, scanner=SCANNER)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"format": 99}', '{"format": 1, "parts": 3}', "\x00\xff"],
)
def test_a_damaged_manifest_says_so(tmp_path, text):
    (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(IndexUnusableError):
        manifest.read(tmp_path)


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    held = built(tmp_path, [entry(1, "refund")])
    assert manifest.read(tmp_path) == held.manifest
