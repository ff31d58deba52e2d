"""A hold is placed once and lifted once, by an approver who didn't write the fix."""

from __future__ import annotations

from typing import Any

import pytest

from kb import gate
from kb.actions import holding, reviewing
from kb.actions.work import Actor
from kb.models import Hold, Journey, Person, Version
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused, stopped

WINDOW = {"key": "refund.window", "type": "duration", "value": "30 days"}


@pytest.fixture
def version(team: dict[str, Person]) -> Version:
    """A policy in force, of a journey, that carries a fact."""
    return stories.published(
        team, kind="policy", facts=(WINDOW,), journey="Refunds",
        body="You have {{ fact refund.window }}.",
    )  # fmt: skip


def held(team: dict[str, Person], version: Version, kind: str) -> Hold:
    """A hold on `version` by one of its targets."""
    target = {
        "article": version.article.slug,
        "version": str(version.pk),
        "passage": version.passages.get().digest,
        "fact": "refund.window",
        "journey": "Refunds",
    }[kind]
    return holding.place_hold(
        actor=Actor.of(team["editor"]), kind=kind, target=target, reason="a number is wrong"
    )


def lift(hold: Hold, person: Person, **given: Any) -> None:
    columns = {
        "lifted_by_id": person.pk, "lifted_at": gate.clock(), "lift_reason": "it was right",
    }  # fmt: skip
    refusing.update("kb_hold", hold.pk, **{**columns, **given})


def place(version: Version, **given: Any) -> Any:
    columns = {
        "version_id": version.pk, "reason": "wrong", "placed_by": "x", "placed_at": gate.clock(),
        "lift_reason": "",
    }  # fmt: skip
    return refusing.insert("kb_hold", **{**columns, **given})


def test_an_approver_lifts_a_hold(version, team):
    hold = held(team, version, "version")
    lift(hold, team["approver"])
    hold.refresh_from_db()
    assert hold.lifted_by == team["approver"]


def test_nobody_else_lifts_a_hold(version, team):
    hold = held(team, version, "version")
    with refused("not_permitted"):
        lift(hold, team["editor"])


@pytest.mark.parametrize("kind", ["article", "version", "passage", "fact"])
def test_an_approver_of_another_owner_group_does_not_lift(kind: str, version, team):
    stranger = stories.person("stranger", "approver", group="Another group")
    hold = held(team, version, kind)
    with refused("not_permitted"):
        lift(hold, stranger)
    lift(hold, stories.person("colleague", "approver", group=stories.GROUP))


def test_a_journeys_hold_is_lifted_by_any_approver(version, team):
    hold = held(team, version, "journey")
    lift(hold, stories.person("stranger", "approver", group="Another group"))


def test_nothing_is_lifted_twice(version, team):
    hold = held(team, version, "version")
    lift(hold, team["approver"])
    with refused("past_is_fixed"):
        lift(hold, team["second_approver"])


def test_a_lifted_hold_is_not_made_open_again(version, team):
    hold = held(team, version, "version")
    lift(hold, team["approver"])
    with refused("past_is_fixed"):
        refusing.update("kb_hold", hold.pk, lifted_at=None, lifted_by_id=None)


@pytest.mark.parametrize("kind", ["article", "version", "passage", "fact", "journey"])
def test_whoever_wrote_the_fix_does_not_lift(kind: str, version, team):
    hold = held(team, version, kind)
    author = stories.person("both", "editor", "approver")
    fix = stories.successor(team | {"editor": author}, version, title="Corrected")
    stories.approve(fix, team["approver"])
    with refused("four_eyes"):
        lift(hold, author)
    lift(hold, team["approver"])


def test_whoever_wrote_a_fix_in_a_text_that_renders_the_fact_does_not_lift(version, team):
    author = stories.person("both", "editor", "approver")
    hold = held(team, version, "fact")
    stories.submit(stories.draft(author, body="Within {{ fact refund.window }}."), author)
    with refused("four_eyes"):
        lift(hold, author)


def test_whoever_wrote_a_returned_fix_does_not_lift(version, team):
    hold = held(team, version, "article")
    author = stories.person("both", "editor", "approver")
    fix = stories.successor(team | {"editor": author}, version, title="Corrected")
    reviewing.return_version(
        actor=Actor.of(team["approver"]), version_id=fix.pk, digest=fix.digest or "", comment="no"
    )
    with refused("four_eyes"):
        lift(hold, author)


def test_whoever_wrote_before_the_hold_may_lift_it(team):
    author = stories.person("both", "editor", "approver")
    version = stories.published(team | {"editor": author})
    lift(held(team, version, "version"), author)


def test_a_lift_gives_its_reason(version, team):
    hold = held(team, version, "version")
    with stopped(refusing.BY_CHECK):
        lift(hold, team["approver"], lift_reason="")


def test_a_hold_gives_its_reason(version):
    with stopped(refusing.BY_CHECK):
        place(version, reason="")


@pytest.mark.parametrize("moment", ["2020-01-01T00:00Z", "2190-01-01T00:00Z"])
def test_placing_and_lifting_are_dated_by_the_clock(moment: str, version, team):
    with refused("not_the_clock"):
        place(version, placed_at=moment)
    with refused("not_the_clock"):
        lift(held(team, version, "version"), team["approver"], lifted_at=moment)


def test_a_hold_is_not_placed_lifted(version, team):
    with refused("illegal_move"):
        place(
            version, lifted_at=gate.clock(), lifted_by_id=team["approver"].pk, lift_reason="never"
        )


def test_a_hold_has_exactly_one_target(version):
    with stopped(refusing.BY_CHECK):
        place(version, article_id=version.article_id)
    with stopped(refusing.BY_CHECK):
        place(version, version_id=None)


@pytest.mark.parametrize("column", ["version_id", "passage_digest", "reason", "placed_by"])
def test_what_is_held_and_why_never_changes(column: str, version, team):
    hold, other = held(team, version, "version"), stories.published(team)
    with refused("past_is_fixed"):
        lift(hold, team["approver"], **{column: other.pk if column == "version_id" else "other"})


def test_an_article_does_not_slip_out_of_a_journey_on_hold(version, team):
    elsewhere = Journey.objects.create(name="Elsewhere")
    hold = held(team, version, "journey")
    for journey_id in (None, elsewhere.pk):
        with refused("on_hold"):
            refusing.update("kb_article", version.article_id, journey_id=journey_id)
    lift(hold, team["approver"])
    refusing.update("kb_article", version.article_id, journey_id=elsewhere.pk)
