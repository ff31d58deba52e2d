"""PostgreSQL's list of legal moves is the table of `policies.lifecycle`; it refuses the rest."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from kb import gate
from kb.actions import drafting, publishing, reviewing
from kb.actions.work import Actor
from kb.models import Person, Version
from policies.lifecycle import MOVES, Move, State
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused

LEGAL = {(source, target) for (source, _), target in MOVES.items()}
ILLEGAL = sorted(set(permutations(State, 2)) - LEGAL)


def version_in(state: State, team: dict[str, Person]) -> Version:
    """A version that came to `state` as people would bring it there."""
    editor, approver = Actor.of(team["editor"]), Actor.of(team["approver"])
    version = stories.draft(team["editor"])
    if state == State.draft:
        return version
    if state == State.withdrawn:
        return drafting.withdraw_version(actor=editor, version_id=version.pk)
    version = stories.submit(version, team["editor"])
    if state == State.returned:
        return reviewing.return_version(
            actor=approver, version_id=version.pk, digest=version.digest or "", comment="more"
        )
    if state in (State.published, State.retired):
        version = stories.approve(version, team["approver"])
    if state == State.retired:
        return publishing.retire_version(actor=approver, version_id=version.pk, why="wrong")
    return version


def columns_of(target: State, *, source: State = State.draft) -> dict[str, Any]:
    """What a move to `target` has to write beside the state."""
    now = gate.clock()
    if target == State.in_review:
        return {"state": target, **({"submitted_at": now} if source == State.draft else {})}
    if target == State.published:
        return {"state": target, "decided_at": now, "published_at": now, "verified_at": now}
    return {"state": target, "decided_at": now}


@pytest.mark.parametrize(("source", "target"), ILLEGAL)
def test_an_illegal_move_is_refused(source: State, target: State, team):
    version = version_in(source, team)
    with refused("illegal_move"):
        refusing.update("kb_version", version.pk, **columns_of(target, source=source))
    version.refresh_from_db()
    assert version.state == source


@pytest.mark.parametrize(("source", "move"), sorted(MOVES))
def test_every_move_of_the_rules_is_legal_in_sql_too(source: State, move: Move, team):
    version, target = version_in(source, team), MOVES[source, move]
    if target == State.published:
        refusing.sign(version, team["approver"])
    if target == State.returned:
        refusing.sign(version, team["approver"], decision="return", meaning="returned")
    refusing.update("kb_version", version.pk, **columns_of(target))
    version.refresh_from_db()
    assert version.state == target
    if target == State.retired:
        refusing.update("kb_period", version.period.pk, ends_at=version.decided_at)


@pytest.mark.parametrize("state", sorted(set(State) - {State.draft}))
def test_no_version_begins_as_anything_but_a_draft(state: State, team):
    article_id = stories.draft(team["editor"]).article_id
    with refused("illegal_move"):
        refusing.draft(team["editor"], article_id=article_id, language="de", state=state)


@pytest.mark.parametrize(
    "given", [{"number": 7}, {"digest": "0" * 64}, {"published_at": True}, {"verified_at": True}]
)
def test_a_draft_begins_without_what_decisions_give(given: dict[str, Any], team):
    article_id = stories.draft(team["editor"]).article_id
    columns = {name: gate.clock() if value is True else value for name, value in given.items()}
    with refused("illegal_move"):
        refusing.draft(team["editor"], article_id=article_id, language="de", **columns)


def test_a_version_is_returned_by_a_review_only(team):
    version = version_in(State.in_review, team)
    with refused("illegal_move"):
        refusing.update("kb_version", version.pk, **columns_of(State.returned))


def test_an_unknown_state_is_no_state(team):
    version = version_in(State.in_review, team)
    with refused("illegal_move"):
        refusing.update("kb_version", version.pk, state="live", decided_at=gate.clock())


@pytest.mark.parametrize("basis", [State.draft, State.in_review])
def test_a_draft_cannot_be_based_on_what_is_not_decided(basis: State, team):
    version = version_in(basis, team)
    with refused("illegal_basis"):
        refusing.draft(
            team["editor"], article_id=version.article_id, language="de", based_on_id=version.pk
        )


def test_a_draft_cannot_be_based_on_another_article(team):
    other = version_in(State.published, team)
    article_id = stories.draft(team["editor"]).article_id
    with refused("illegal_basis"):
        refusing.draft(team["editor"], article_id=article_id, language="de", based_on_id=other.pk)


def test_a_move_carries_an_instant_of_the_clock(team):
    version = version_in(State.draft, team)
    for moment in ("2020-01-01T00:00Z", "2199-01-01T00:00Z", None):
        with refused("not_the_clock"):
            refusing.update("kb_version", version.pk, state="in_review", submitted_at=moment)
    with refused("not_the_clock"):
        refusing.update("kb_version", version.pk, state="withdrawn", decided_at="2020-01-01T00:00Z")
