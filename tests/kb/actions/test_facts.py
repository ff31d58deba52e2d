"""A fact changed once: the policy and every text that renders it follow at one instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kb import gate
from kb.actions import drafting, facts, reviewing
from kb.actions.work import Actor
from kb.errors import Conflict, Invalid, NotFound, Refused
from kb.gate import Caller
from kb.models import ChangeSet, Period, Version
from policies.eligibility import Refusal
from tests import stories

pytestmark = pytest.mark.django_db

WINDOW = {"key": "refund.window", "type": "duration", "value": 30, "unit": "days"}


@pytest.fixture
def team():
    return stories.staff()


@pytest.fixture
def policy(team):
    return stories.published(
        team,
        kind="policy",
        title="Refund policy",
        body="Refunds are made within {{ fact refund.window }} of delivery.",
        facts=(WINDOW,),
    )


def rendering(team, **given):
    body = "Send it back within {{ fact refund.window }} and the refund is yours."
    return stories.published(team, body=body, **given)


def text(version: Version) -> str:
    return version.passages.get().text


def refusal(version: Version) -> Refusal | None:
    _at, [judged] = gate.judge(
        [version.passages.get().pk], caller=Caller(audience="public", scope={})
    )
    return judged.refusal


def propose(team, **given) -> ChangeSet:
    return facts.propose_fact_change(
        actor=Actor.of(team["editor"]),
        note="The board decided",
        **{"key": "refund.window", "value": 14, "unit": "days", **given},
    )


def sign(change_set: ChangeSet, by) -> ChangeSet:
    digests = {one.pk: one.digest or "" for one in change_set.versions.all()}
    return facts.approve_change_set(
        actor=Actor.of(by), change_set_id=change_set.pk, digests=digests, signature=stories.fresh()
    )


def test_prose_shows_the_value_that_the_policy_carries(team, policy):
    assert "within 30 days" in text(policy)
    assert "within 30 days" in text(rendering(team))


def test_an_unknown_fact_is_refused_at_submission(team):
    with pytest.raises(Invalid) as refused:
        stories.published(team, body="Within {{ fact refund.windw }}.")
    assert "refund.windw" in refused.value.fields["body"]


def test_a_change_puts_policy_and_texts_in_force_at_one_instant(team, policy):
    old = [rendering(team) for _ in range(5)]
    change_set = propose(team)
    assert all(refusal(version) is None for version in old)
    sign(change_set, team["approver"])
    new = list(change_set.versions.all())
    assert len(new) == 6
    assert len({one.period.starts_at for one in new}) == 1
    assert all("14 days" in text(one) and refusal(one) is None for one in new)
    assert all(refusal(version) == Refusal.superseded for version in (*old, policy))


def test_whoever_proposed_a_change_cannot_sign_it(team, policy):
    both = stories.person("both", "editor", "approver")
    change_set = propose({"editor": both})
    with pytest.raises(Refused) as refused:
        sign(change_set, both)
    assert refused.value.code == "four_eyes"


def test_a_change_can_be_scheduled(team, policy, clock):
    article = rendering(team)
    later = gate.clock() + timedelta(days=2)
    change_set = sign(propose(team, effective_at=later), team["approver"])
    assert refusal(article) is None
    clock.forward(timedelta(days=2, seconds=1))
    assert refusal(article) == Refusal.superseded
    assert all(refusal(one) is None for one in change_set.versions.all())


def test_a_scheduled_text_follows_the_change_too(team, policy, clock):
    article = rendering(team)
    later = gate.clock() + timedelta(days=5)
    scheduled = stories.approve(
        stories.successor(team, article, title="Sending things back", effective_from=later),
        team["approver"],
    )
    change_set = sign(propose(team), team["approver"])
    assert {one.based_on_id for one in change_set.versions.all()} == {
        policy.pk,
        article.pk,
        scheduled.pk,
    }
    clock.forward(timedelta(days=6))
    follower = change_set.versions.get(based_on=scheduled)
    assert refusal(follower) is None
    assert refusal(scheduled) == Refusal.superseded
    assert "14 days" in text(follower)


def test_a_version_in_review_is_returned_first(team, policy):
    waiting = stories.submit(
        stories.draft(team["editor"], body="Within {{ fact refund.window }} please."),
        team["editor"],
    )
    sign(propose(team), team["approver"])
    waiting.refresh_from_db()
    assert waiting.state == "returned"


def test_of_two_changes_one_wins_and_the_other_is_told(team, policy):
    rendering(team)
    first, second = propose(team, value=14), propose(team, value=21)
    sign(first, team["approver"])
    with pytest.raises(Conflict) as refused:
        sign(second, team["approver"])
    assert refused.value.code == "changed_while_you_looked"
    assert set(second.versions.values_list("state", flat=True)) == {"in_review"}


def test_a_text_published_meanwhile_makes_the_set_outdated(team, policy):
    change_set = propose(team)
    rendering(team)
    with pytest.raises(Conflict):
        sign(change_set, team["approver"])


def test_a_value_changed_in_a_draft_is_sent_to_a_change_set(team, policy):
    rendering(team)
    with pytest.raises(Conflict) as refused:
        stories.successor(team, policy, facts=({**WINDOW, "value": 14},))
    assert refused.value.code == "needs_change_set"


def test_when_its_policy_ends_a_text_is_out_of_service(team, clock):
    until = gate.clock() + timedelta(days=1)
    stories.published(
        team,
        kind="policy",
        body="Refunds within {{ fact refund.window }}.",
        facts=(WINDOW,),
        effective_until=until,
    )
    article = rendering(team)
    assert refusal(article) is None
    clock.forward(timedelta(days=1, seconds=1))
    assert refusal(article) == Refusal.fact_superseded


def test_a_policy_with_the_same_value_keeps_its_texts_in_service(team, policy):
    article = rendering(team)
    new = stories.successor(team, policy, body="Now: {{ fact refund.window }} from delivery.")
    stories.approve(new, team["approver"])
    assert refusal(article) is None


def test_a_default_with_an_exception_is_no_conflict_but_equal_scopes_are(team, policy):
    eu = {**WINDOW, "value": 14, "scope": {"region": "EU"}}
    stories.published(team, kind="policy", body="In the EU it is shorter.", facts=(eu,))
    clash = {**WINDOW, "value": 60}
    version = stories.submit(
        stories.draft(team["editor"], kind="policy", body="Another rule.", facts=(clash,)),
        team["editor"],
    )
    with pytest.raises(Refused) as refused:
        stories.approve(version, team["approver"])
    assert refused.value.code == "fact_conflict"
    assert not Period.objects.filter(version=version).exists()


def test_only_a_stated_fact_can_be_changed(team):
    with pytest.raises(NotFound):
        propose(team)


def test_a_change_to_the_value_it_has_is_refused(team, policy):
    with pytest.raises(Invalid):
        propose(team, value=30)


def test_a_returned_set_goes_back_whole(team, policy):
    rendering(team)
    change_set = propose(team)
    facts.close_change_set(
        actor=Actor.of(team["approver"]),
        change_set_id=change_set.pk,
        decision="returned",
        comment="wait for the lawyers",
    )
    assert set(change_set.versions.values_list("state", flat=True)) == {"returned"}
    assert not any(reviewing.approved(one) for one in change_set.versions.all())


def test_a_value_that_others_came_to_render_is_not_changed_by_approving_its_policy(team, policy):
    """Nobody rendered it when the policy's next version was submitted."""
    other = {**WINDOW, "value": 14}
    successor = stories.successor(team, policy, facts=(other,))
    article = rendering(team)
    with pytest.raises(Conflict) as refused:
        stories.approve(successor, team["approver"])
    assert refused.value.code == "needs_change_set"
    assert refusal(article) is None


def test_a_policy_in_review_does_not_bring_the_old_value_back(team, policy):
    waiting = stories.successor(team, policy, body="Refunds are told of elsewhere.")
    article = rendering(team)
    sign(propose(team), team["approver"])
    waiting.refresh_from_db()
    assert waiting.state == "returned"
    assert refusal(Version.objects.get(based_on=article)) is None


def test_a_translation_of_a_policy_need_not_carry_what_the_original_carries(team, policy):
    rendering(team)
    opened = drafting.open_draft(
        actor=Actor.of(team["editor"]), article_id=policy.article_id, language="de"
    )
    text = replace(drafting.content_of(opened), body="Geld zurück.", facts=())
    drafting.save_draft(
        actor=Actor.of(team["editor"]), version_id=opened.pk, edits=opened.edits, content=text
    )
    submitted = stories.submit(opened, team["editor"])
    assert submitted.state == "in_review"


def test_a_value_that_a_translation_renders_is_not_dropped_silently(team, policy):
    opened = drafting.open_draft(
        actor=Actor.of(team["editor"]), article_id=policy.article_id, language="de"
    )
    text = replace(drafting.content_of(opened), facts=())
    drafting.save_draft(
        actor=Actor.of(team["editor"]), version_id=opened.pk, edits=opened.edits, content=text
    )
    translated = stories.approve(stories.submit(opened, team["editor"]), team["approver"])
    with pytest.raises(Conflict) as refused:
        stories.successor(team, policy, facts=(), body="Refunds are made in time.")
    assert refused.value.code == "needs_change_set"
    assert refusal(translated) is None


def test_a_value_that_others_render_keeps_its_own_period(team, policy):
    rendering(team)
    ends = (gate.clock() + timedelta(days=9)).isoformat()
    with pytest.raises(Conflict) as refused:
        stories.successor(team, policy, facts=({**WINDOW, "effective_until": ends},))
    assert refused.value.code == "needs_change_set"


def test_a_set_that_another_one_overtook_can_be_withdrawn(team, policy):
    stories.published(
        team,
        kind="policy",
        body="Exchanges within {{ fact exchange.window }}.",
        facts=({**WINDOW, "key": "exchange.window"},),
    )
    stories.published(
        team, body="Refunds {{ fact refund.window }}, exchanges {{ fact exchange.window }}."
    )
    overtaken = propose(team, key="exchange.window")
    sign(propose(team), team["approver"])
    with pytest.raises(Conflict):
        sign(overtaken, team["approver"])
    closed = facts.close_change_set(
        actor=Actor.of(team["editor"]),
        change_set_id=overtaken.pk,
        decision="withdrawn",
        comment="proposed again",
    )
    assert closed.state == "withdrawn"
    assert set(overtaken.versions.values_list("state", flat=True)) == {"withdrawn"}
