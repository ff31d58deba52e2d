"""Holds: anybody who edits may place one, the owner group's approvers lift it."""

from __future__ import annotations

import pytest

from kb.actions import drafting, holding, people
from kb.actions.work import Actor
from kb.errors import NotPermitted
from kb.models import Hold
from tests import stories

pytestmark = pytest.mark.django_db

WINDOW = {"key": "refund.window", "type": "duration", "value": 30, "unit": "days"}


@pytest.fixture
def team():
    return stories.staff()


@pytest.fixture
def stranger(team):
    people.create_owner_group(actor=Actor.system("test"), name="Logistics")
    return stories.person("stranger", "editor", "approver", group="Logistics")


@pytest.fixture
def policy(team):
    return stories.published(team, kind="policy", facts=(WINDOW,), journey="Refunds")


TARGETS = {
    "article": lambda version: version.article.slug,
    "version": lambda version: str(version.pk),
    "passage": lambda version: version.passages.get().digest,
    "fact": lambda _version: "refund.window",
}


def placed(kind: str, version, by) -> Hold:
    return holding.place_hold(
        actor=Actor.of(by), kind=kind, target=TARGETS[kind](version), reason="wrong"
    )


@pytest.mark.parametrize("kind", TARGETS)
def test_an_approver_of_another_owner_group_cannot_lift(kind, team, stranger, policy):
    hold = placed(kind, policy, stranger)
    with pytest.raises(NotPermitted):
        holding.lift_hold(actor=Actor.of(stranger), hold_id=hold.pk, reason="looks fine")
    hold.refresh_from_db()
    assert hold.lifted_at is None
    holding.lift_hold(actor=Actor.of(team["approver"]), hold_id=hold.pk, reason="mended")


def test_a_held_journey_is_lifted_by_any_approver(stranger, policy):
    hold = holding.place_hold(
        actor=Actor.of(stranger), kind="journey", target="Refunds", reason="wrong"
    )
    lifted = holding.lift_hold(actor=Actor.of(stranger), hold_id=hold.pk, reason="mended")
    assert lifted.lifted_at is not None


def test_a_fact_is_lifted_by_whose_policy_states_it(team, stranger, policy):
    theirs = drafting.create_article(
        actor=Actor.of(stranger),
        owner_group="Logistics",
        content=stories.content(body="Send it back within {{ fact refund.window }}."),
    )
    stories.approve(stories.submit(theirs, stranger), team["approver"])
    hold = placed("fact", policy, team["editor"])
    lifted = holding.lift_hold(
        actor=Actor.of(stories.person("ours", "approver", group=stories.GROUP)),
        hold_id=hold.pk,
        reason="mended",
    )
    assert lifted.lifted_at is not None
