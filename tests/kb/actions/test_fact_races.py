"""Two changes of one fact on two real connections: one wins, the other is told, nothing is half."""

from __future__ import annotations

import pytest

from kb import gate
from kb.actions import facts
from kb.actions.reviewing import Signature
from kb.actions.work import Actor
from kb.errors import Conflict
from kb.models import ChangeSet, FactPeriod, Version
from tests import stories
from tests.kb.racing import together

WINDOW = {"key": "refund.window", "type": "duration", "value": 30, "unit": "days"}


@pytest.fixture
def team(own_database):
    made = stories.staff()
    stories.published(
        made,
        kind="policy",
        body="Refunds are made within {{ fact refund.window }}.",
        facts=(WINDOW,),
    )
    for _ in range(3):
        stories.published(made, body="Send it back within {{ fact refund.window }}.")
    return made


def propose(team, value: int) -> ChangeSet:
    return facts.propose_fact_change(
        actor=Actor.of(team["editor"]),
        key="refund.window",
        value=value,
        unit="days",
        note=f"now {value}",
    )


def sign(change_set: ChangeSet, by) -> ChangeSet:
    return facts.approve_change_set(
        actor=Actor.of(by),
        change_set_id=change_set.pk,
        digests=dict(Version.objects.filter(change_set=change_set).values_list("pk", "digest")),
        signature=Signature("password", gate.clock()),
    )


def test_of_two_fact_changes_signed_at_once_one_wins_and_the_other_is_told(team):
    sets = [propose(team, 14), propose(team, 21)]
    outcomes = together(
        lambda: sign(sets[0], team["approver"]), lambda: sign(sets[1], team["second_approver"])
    )
    lost = [one for one in outcomes if isinstance(one, Exception)]
    assert [type(one) for one in lost] == [Conflict]
    states = set(ChangeSet.objects.values_list("state", flat=True))
    assert states == {"published", "in_review"}
    winner = ChangeSet.objects.get(state="published")
    loser = ChangeSet.objects.get(state="in_review")
    assert set(winner.versions.values_list("state", flat=True)) == {"published"}
    assert set(loser.versions.values_list("state", flat=True)) == {"in_review"}
    governing = FactPeriod.objects.filter(ends_at=None).values_list("revision__value", flat=True)
    assert list(governing) == [winner.note.removeprefix("now ")]


def test_two_changes_proposed_at_once_leave_two_whole_sets(team):
    outcomes = together(lambda: propose(team, 14), lambda: propose(team, 21))
    assert all(isinstance(one, ChangeSet) for one in outcomes)
    assert [one.versions.count() for one in outcomes] == [4, 4]
