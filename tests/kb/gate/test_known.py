"""What governed at an instant, as it was known at another."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from kb import gate
from kb.actions import publishing
from kb.actions.work import Actor
from kb.gate import Caller, Moment
from kb.models import Person, Version
from policies.eligibility import Refusal
from tests import stories

DAY = timedelta(days=1)
WINDOW = {"key": "window", "type": "duration", "value": "30 days"}


@pytest.fixture
def team(db: None) -> dict[str, Person]:
    """The people of the stories."""
    return stories.staff()


def refusal(
    version: Version, *, as_of: datetime | None = None, known_at: datetime | None = None
) -> Refusal | None:
    _at, judged = gate.judge(
        [version.passages.get().pk], caller=Caller("public"), moment=Moment(as_of, known_at)
    )
    return judged[0].refusal


def retire(version: Version, team: dict[str, Person]) -> None:
    publishing.retire_version(actor=Actor.of(team["approver"]), version_id=version.pk, why="wrong")


def later(clock, by: timedelta = DAY) -> datetime:
    """Let time pass; return an instant in the middle of it."""
    at = gate.clock() + by / 2
    clock.forward(by)
    return at


def test_what_was_not_published_then_was_not_known_then(team, clock):
    before = later(clock)
    version = stories.published(team)
    after = later(clock)
    assert refusal(version, known_at=before) == Refusal.not_approved
    assert refusal(version, as_of=before) == Refusal.not_yet_in_effect
    assert refusal(version, as_of=after, known_at=before) == Refusal.not_approved
    assert refusal(version, as_of=after, known_at=after) is None


def test_what_was_superseded_since_governed_then(team, clock):
    first = stories.published(team)
    before = later(clock)
    second = stories.approve(stories.successor(team, first, body="New words."), team["approver"])
    after = later(clock)
    assert refusal(first, as_of=before) is None
    assert refusal(first, as_of=before, known_at=after) is None
    assert refusal(first, as_of=after) == Refusal.superseded
    assert refusal(first, as_of=after, known_at=before) is None
    assert refusal(second, as_of=after, known_at=before) == Refusal.not_approved


def test_what_was_scheduled_then_was_known_as_scheduled(team, clock):
    version = stories.published(team, effective_from=gate.clock() + 3 * DAY)
    before = later(clock)
    after = later(clock, 4 * DAY) + DAY
    assert refusal(version, known_at=before) == Refusal.not_yet_in_effect
    assert refusal(version, as_of=after, known_at=before) is None


def test_a_schedule_that_was_taken_back_was_known_until_then(team, clock):
    first = stories.published(team)
    start = gate.clock() + 5 * DAY
    second = stories.approve(stories.successor(team, first, effective_from=start), team["approver"])
    before = later(clock)
    retire(second, team)
    clock.forward(9 * DAY)
    assert refusal(first, as_of=start + DAY) is None
    assert refusal(first, as_of=start + DAY, known_at=before) is not None


def test_what_was_retired_since_governed_then(team, clock):
    version = stories.published(team)
    before = later(clock)
    retire(version, team)
    after = later(clock)
    assert refusal(version, as_of=before) is None
    assert refusal(version, as_of=after) == Refusal.retired
    assert refusal(version, as_of=after, known_at=before) is None


def test_what_was_retired_since_governed_then_as_is_known_since(team, clock):
    version = stories.published(team)
    before = later(clock)
    retire(version, team)
    after = later(clock)
    assert refusal(version, as_of=before, known_at=after) is None


def test_a_value_that_ended_since_was_known_to_govern_then(team, clock):
    policy = stories.published(team, kind="policy", facts=(WINDOW,))
    text = stories.published(team, body="Within {{ fact window }}.")
    before = later(clock)
    retire(policy, team)
    after = later(clock)
    assert refusal(text, as_of=after) == Refusal.fact_superseded
    assert refusal(text, as_of=after, known_at=before) is None
