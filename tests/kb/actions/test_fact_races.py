"""Two changes of one fact on two real connections: one wins, the other is told, nothing is half."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from kb import gate
from kb.actions import facts, holding, publishing
from kb.actions.locking import lock_articles, lock_facts
from kb.actions.reviewing import Signature
from kb.actions.work import Actor
from kb.errors import Conflict
from kb.models import ChangeSet, Fact, FactPeriod, Version
from tests import stories
from tests.kb.racing import outcome, start, together, uncommitted, until_waiting

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


def rendering(team) -> Version:
    """A text in review that renders the value."""
    body = "Within {{ fact refund.window }} it is."
    return stories.submit(stories.draft(team["editor"], body=body), team["editor"])


def fact_is_free() -> bool:
    with transaction.atomic():
        return len(Fact.objects.select_for_update(nowait=True, no_key=True)) == 1


def fenced() -> int:
    """How many articles are kept from answers just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted "
            "AND l.classid = %s AND l.mode = 'ExclusiveLock'",
            [gate.ARTICLE_LOCK],
        )
        return cursor.fetchone()[0]


def test_retiring_a_policy_waits_for_a_text_that_begins_to_render_its_value(team):
    """Else answers from that text would not be kept waiting by the retirement."""
    article = rendering(team)
    policy = Version.objects.get(kind="policy")
    with uncommitted(lambda: stories.approve(article, team["approver"])):
        retired = start(
            lambda: publishing.retire_version(
                actor=Actor.of(team["second_approver"]), version_id=policy.pk, why="gone"
            )
        )
        until_waiting()
        assert fenced() == 1  # the text's own article: the retirement hasn't looked yet
    assert outcome(retired).decided_at > Version.objects.get(pk=article.pk).period.starts_at


def test_a_text_does_not_begin_to_render_what_is_being_retired(team):
    article = rendering(team)
    policy = Version.objects.get(kind="policy")
    with uncommitted(
        lambda: publishing.retire_version(
            actor=Actor.of(team["second_approver"]), version_id=policy.pk, why="gone"
        )
    ):
        approved = start(lambda: stories.approve(article, team["approver"]))
        until_waiting()
    assert outcome(approved).code == "fact_superseded"


def test_proposing_takes_no_fact_from_whoever_holds_an_article(team):
    """Articles come first everywhere, so that no two wait for each other."""
    renders = Version.objects.filter(kind="resolution").first()
    with uncommitted(lambda: lock_articles([renders.article_id])):
        proposed = start(lambda: propose(team, 14))
        until_waiting()
        assert fact_is_free()
    assert outcome(proposed).versions.count() == 4


def test_signing_a_set_takes_no_fact_from_whoever_decides_on_what_it_returns(team):
    waiting, change_set = rendering(team), propose(team, 14)
    with uncommitted(lambda: lock_articles([waiting.article_id])):
        signed = start(lambda: sign(change_set, team["approver"]))
        until_waiting()
        assert fact_is_free()
    assert outcome(signed).state == "published"
    assert Version.objects.get(pk=waiting.pk).state == "returned"


def test_approving_what_renders_a_value_waits_for_its_change(team):
    article = rendering(team)
    with uncommitted(lambda: lock_facts(["refund.window"])):
        approved = start(lambda: stories.approve(article, team["approver"]))
        until_waiting()
    assert outcome(approved).state == "published"


@pytest.mark.parametrize("kind", ["passage", "fact", "journey"])
def test_a_hold_on_what_other_texts_may_come_to_say_keeps_every_answer_waiting(kind, team):
    """Another text may begin to say it while the hold is placed."""
    version = stories.published(team, journey="Refunds")
    targets = {
        "passage": version.passages.get().digest,
        "fact": "refund.window",
        "journey": "Refunds",
    }
    unrelated = version.article_id + 1000
    with uncommitted(lambda: gate.share([unrelated])):
        held = start(
            lambda: holding.place_hold(
                actor=Actor.of(team["editor"]), kind=kind, target=targets[kind], reason="wrong"
            )
        )
        until_waiting()
    assert outcome(held).reason == "wrong"
