"""Which states a version has, which moves are legal, and how a version reads at an instant.

Decides: legal moves (one table), the period in which a version is in force, and the word a person
reads for it at a given time. Never asks who is moving it (that is `approval` and `kb.access`) and
never stores what time alone brings about: scheduled, in effect, superseded and expired are derived.
Called by `kb.actions` and the screens, with enum members or the plain strings that the database
keeps. The diagram in docs/lifecycle.md is printed from the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from policies.decisions import Decision, allow, refuse


class State(StrEnum):
    """What is stored about a version."""

    draft = "draft"
    in_review = "in_review"
    published = "published"
    returned = "returned"
    withdrawn = "withdrawn"
    retired = "retired"


class Move(StrEnum):
    """What a person can do to a version's state."""

    submit = "submit"
    return_ = "return"
    withdraw = "withdraw"
    publish = "publish"
    retire = "retire"


class Reading(StrEnum):
    """How a version reads at an instant: its state, with what time has made of a published one."""

    draft = "draft"
    in_review = "in_review"
    returned = "returned"
    withdrawn = "withdrawn"
    scheduled = "scheduled"
    in_effect = "in_effect"
    superseded = "superseded"
    expired = "expired"
    retired = "retired"


MOVES: Mapping[tuple[State, Move], State] = MappingProxyType(
    {
        (State.draft, Move.submit): State.in_review,
        (State.draft, Move.withdraw): State.withdrawn,
        (State.in_review, Move.publish): State.published,
        (State.in_review, Move.return_): State.returned,
        (State.in_review, Move.withdraw): State.withdrawn,
        (State.published, Move.retire): State.retired,
    }
)
"""The only legal moves. Imports take them too: without an approver up to the draft."""

INITIAL = State.draft
EDITABLE = frozenset({State.draft})
FINAL = frozenset(State) - {state for state, _ in MOVES}

_WORDS: Mapping[State, str] = MappingProxyType(
    {
        State.draft: "a draft",
        State.in_review: "in review",
        State.published: "published",
        State.returned: "returned to its author",
        State.withdrawn: "withdrawn",
        State.retired: "retired",
    }
)

_PARTICIPLES: Mapping[Move, str] = MappingProxyType(
    {
        Move.submit: "submitted",
        Move.return_: "returned",
        Move.withdraw: "withdrawn",
        Move.publish: "published",
        Move.retire: "retired",
    }
)


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch of time `[start, end)`; `end` None means that no end is known."""

    start: datetime
    end: datetime | None

    def contains(self, moment: datetime) -> bool:
        """Say whether the moment lies inside; the start does, the end doesn't."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def overlaps(self, other: Period) -> bool:
        """Say whether the two share any instant."""
        return (other.end is None or self.start < other.end) and (
            self.end is None or other.start < self.end
        )


def may_move(state: State, move: Move) -> Decision:
    """Decide whether the move is legal from the state. Codes: `may_move`, `illegal_move`."""
    target = MOVES.get((state, move))
    if target is not None:
        return allow(
            "may_move", f"This version is {_WORDS[state]} and can be {_PARTICIPLES[move]}."
        )
    if state in FINAL:
        mend = "That is final: start a new draft based on it instead."
    else:
        legal = [_PARTICIPLES[other] for at, other in MOVES if at == state]
        mend = f"It can be {' or '.join(legal)}."
    return refuse(
        "illegal_move",
        f"This version is {_WORDS[state]} and can't be {_PARTICIPLES[move]}. {mend}",
    )


def next_state(state: State, move: Move) -> State:
    """Return the state that the move leads to. Raises ValueError for a move that isn't legal."""
    decision = may_move(state, move)
    if not decision:
        raise ValueError(decision.reason)
    return MOVES[state, move]


def period(
    *,
    published_at: datetime,
    effective_from: datetime | None,
    effective_until: datetime | None,
) -> Period | None:
    """Return when a version is in force, `[max(publication, effective_from), effective_until)`.

    None when that is empty: the version was published after its own end. A successor's start may
    close the period earlier; that is the caller's to apply.
    """
    start = published_at if effective_from is None else max(published_at, effective_from)
    if effective_until is not None and effective_until <= start:
        return None
    return Period(start=start, end=effective_until)


def reading(
    *,
    state: State,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    ended_by_successor: bool,
) -> Reading:
    """Name how a version reads at `now`, given its state and its half-open period `[start, end)`.

    A published version without a start, or whose period is empty, reads expired: it was published
    after its own end. `ended_by_successor` says whether a successor set the end that has come.
    """
    if state != State.published:
        return Reading(State(state).value)
    if start is None or (end is not None and end <= start):
        return Reading.expired
    if now < start:
        return Reading.scheduled
    if end is None or now < end:
        return Reading.in_effect
    return Reading.superseded if ended_by_successor else Reading.expired


def mermaid() -> str:
    """Draw the table of moves as a Mermaid state diagram, for the docs. No trailing newline."""
    lines = ["stateDiagram-v2", f"    [*] --> {INITIAL}"]
    lines += [f"    {state} --> {target}: {move}" for (state, move), target in MOVES.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines)
