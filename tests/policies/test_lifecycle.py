"""Legal moves, periods in force, and how a version reads at an instant."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.lifecycle import (
    EDITABLE,
    FINAL,
    INITIAL,
    MOVES,
    Move,
    Period,
    Reading,
    State,
    may_move,
    mermaid,
    next_state,
    period,
    reading,
)

LEGAL = {
    (State.draft, Move.submit): State.in_review,
    (State.draft, Move.withdraw): State.withdrawn,
    (State.in_review, Move.publish): State.published,
    (State.in_review, Move.return_): State.returned,
    (State.in_review, Move.withdraw): State.withdrawn,
    (State.published, Move.retire): State.retired,
}
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Few hours, so that moments often coincide: the edges are where half-open periods go wrong.
moments = st.integers(min_value=-6, max_value=6).map(lambda hours: NOON + hours * HOUR)
ends = st.none() | moments


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_pair_of_state_and_move_is_as_the_domain_says(state, move):
    decision = may_move(state, move)
    if (state, move) in LEGAL:
        assert decision.code == "may_move"
        assert next_state(state, move) is LEGAL[state, move]
    else:
        assert decision.code == "illegal_move"
        with pytest.raises(ValueError, match="can't be"):
            next_state(state, move)


def test_the_plain_strings_that_the_database_keeps_are_understood():
    assert may_move("draft", "submit")
    assert not may_move("retired", "publish")
    assert next_state("in_review", "return") == "returned"


def test_a_refused_move_says_what_can_be_done_instead():
    assert "submitted or withdrawn" in may_move(State.draft, Move.publish).reason
    assert "new draft" in may_move(State.returned, Move.submit).reason


def test_only_a_draft_can_be_edited():
    assert {State.draft} == EDITABLE


def test_returned_withdrawn_and_retired_are_final():
    assert {State.returned, State.withdrawn, State.retired} == FINAL


@given(st.lists(st.sampled_from(Move), max_size=12))
def test_no_chain_of_moves_leaves_the_table_or_an_end(chosen):
    state = INITIAL
    for move in chosen:
        if may_move(state, move):
            assert state not in FINAL
            state = next_state(state, move)
        assert state in State
    if state in FINAL:
        assert not any(may_move(state, move) for move in Move)


def test_every_state_can_be_reached_from_a_draft():
    reached = {INITIAL}
    for _ in State:
        reached |= {target for (state, _), target in MOVES.items() if state in reached}
    assert reached == set(State)


@given(published_at=moments, effective_from=ends, effective_until=ends, probe=moments)
def test_a_version_is_in_force_from_publication_or_later_until_its_end(
    published_at, effective_from, effective_until, probe
):
    in_force = period(
        published_at=published_at, effective_from=effective_from, effective_until=effective_until
    )
    expected = (
        probe >= published_at
        and (effective_from is None or probe >= effective_from)
        and (effective_until is None or probe < effective_until)
    )
    assert (in_force is not None and in_force.contains(probe)) == expected


@given(published_at=moments, effective_from=ends, effective_until=ends)
def test_a_period_is_never_empty(published_at, effective_from, effective_until):
    in_force = period(
        published_at=published_at, effective_from=effective_from, effective_until=effective_until
    )
    if in_force is None:
        assert effective_until is not None
    else:
        assert in_force.contains(in_force.start)
        assert in_force.end is None or not in_force.contains(in_force.end)


@st.composite
def periods(draw):
    start = draw(moments)
    hours = draw(st.none() | st.integers(min_value=1, max_value=12))
    return Period(start=start, end=None if hours is None else start + hours * HOUR)


@given(periods(), periods())
def test_two_periods_overlap_exactly_if_the_later_start_lies_in_both(a, b):
    later = max(a.start, b.start)
    assert a.overlaps(b) == b.overlaps(a) == (a.contains(later) and b.contains(later))


def test_periods_that_meet_do_not_overlap():
    before, after = Period(NOON - HOUR, NOON), Period(NOON, None)
    assert not before.overlaps(after)
    assert not after.overlaps(before)


@pytest.mark.parametrize(
    ("start", "end", "by_successor", "expected"),
    [
        (NOON + HOUR, None, False, Reading.scheduled),
        (NOON, None, False, Reading.in_effect),
        (NOON - HOUR, NOON + HOUR, True, Reading.in_effect),
        (NOON - HOUR, NOON, False, Reading.expired),
        (NOON - HOUR, NOON, True, Reading.superseded),
        (None, None, False, Reading.expired),
        (NOON, NOON, False, Reading.expired),
        (NOON + HOUR, NOON + HOUR, False, Reading.expired),
    ],
)
def test_a_published_version_reads_as_time_has_made_it(start, end, by_successor, expected):
    assert (
        reading(
            state=State.published, start=start, end=end, now=NOON, ended_by_successor=by_successor
        )
        is expected
    )


@pytest.mark.parametrize("state", [state for state in State if state != State.published])
def test_every_other_state_reads_as_itself_at_any_time(state):
    assert (
        reading(state=state, start=NOON, end=None, now=NOON, ended_by_successor=False)
        == reading(state=state.value, start=None, end=None, now=NOON, ended_by_successor=True)
        == state.value
    )


def test_the_picture_shows_every_move_once():
    picture = mermaid().splitlines()
    assert picture[:2] == ["stateDiagram-v2", "    [*] --> draft"]
    for (state, move), target in MOVES.items():
        assert picture.count(f"    {state} --> {target}: {move}") == 1
    assert {line.split()[0] for line in picture if line.endswith("--> [*]")} == FINAL
    assert len(picture) == 2 + len(MOVES) + len(FINAL)
