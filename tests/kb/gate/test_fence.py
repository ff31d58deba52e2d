"""The fence on real connections: whoever revokes and whoever answers wait for each other.

`T`, the instant of a revocation, is the clock under its locks: no ledger row that cites what was
revoked is dated at or after it.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from kb import gate
from kb.actions import holding, publishing
from kb.actions.work import Actor
from kb.gate import Caller
from kb.models import AnswerPassage, Hold, Person, Version
from policies.eligibility import Refusal
from tests import stories
from tests.kb import racing
from tests.kb.models import refusing
from tests.kb.racing import outcome, uncommitted, until_waiting

PUBLIC = Caller(audience="public")


@pytest.fixture
def team(own_database: str) -> dict[str, Person]:
    """The people of the stories, committed."""
    return stories.staff()


def refusal(version: Version) -> Refusal | None:
    _at, judged = gate.judge([version.passages.get().pk], caller=PUBLIC)
    return judged[0].refusal


def serve(version: Version, client_id: int) -> Any:
    """Answer from a version as answering does: the fence, the gate, the ledger."""
    gate.share([version.article_id])
    row = version.passages.get().pk
    served_at, judged = gate.judge([row], caller=PUBLIC)
    if judged[0].refusal is not None:
        return judged[0].refusal
    answered = refusing.answer(client_id, served_at=served_at, valid_until=served_at)
    refusing.rest_on(answered, version, served_at=served_at)
    return served_at


REVOCATIONS = {
    "hold": lambda team, version: (
        holding.place_hold(
            actor=Actor.of(team["editor"]),
            kind="article",
            target=version.article.slug,
            reason="wrong",
        ).placed_at
    ),
    "retire": lambda team, version: (
        publishing.retire_version(
            actor=Actor.of(team["approver"]), version_id=version.pk, why="wrong"
        ).decided_at
    ),
    "supersede": lambda team, version: (
        stories.approve(
            Version.objects.get(article=version.article_id, state="in_review"), team["approver"]
        ).published_at
    ),
}


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_whoever_revokes_waits_for_an_answer_under_way_and_dates_it_after(revocation, team):
    version, (client, _key) = stories.published(team), stories.client()
    stories.successor(team, version, body="New words.")
    with uncommitted(lambda: serve(version, client.pk)) as answered:
        revoked = racing.start(lambda: REVOCATIONS[revocation](team, version))
        until_waiting()
    assert outcome(answered) < outcome(revoked)
    assert AnswerPassage.objects.get().served_at < outcome(revoked)
    assert refusal(version) is not None


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_an_answer_waits_for_a_revocation_under_way_and_then_sees_it(revocation, team):
    version, (client, _key) = stories.published(team), stories.client()
    stories.successor(team, version, body="New words.")

    def answer() -> Any:
        with transaction.atomic():
            return serve(version, client.pk)

    with uncommitted(lambda: REVOCATIONS[revocation](team, version)):
        answered = racing.start(answer)
        until_waiting()
    assert isinstance(outcome(answered), Refusal)
    assert not AnswerPassage.objects.exists()


@pytest.mark.parametrize("revocation", ["hold", "retire", "supersede"])
def test_an_answer_that_is_written_while_a_revocation_waits_stops_neither(revocation, team):
    """Between the fence and the ledger row a revoking action may lock what the row refers to."""
    version, (client, _key) = stories.published(team), stories.client()
    stories.successor(team, version, body="New words.")
    with transaction.atomic():
        gate.share([version.article_id])
        revoked = racing.start(lambda: REVOCATIONS[revocation](team, version))
        until_waiting()
        served_at = serve(version, client.pk)
    assert served_at < outcome(revoked)
    assert AnswerPassage.objects.get().served_at == served_at


def test_answers_never_wait_for_each_other(team):
    version, (client, _key) = stories.published(team), stories.client()
    with uncommitted(lambda: serve(version, client.pk)), transaction.atomic():
        serve(version, client.pk)
    assert AnswerPassage.objects.count() == 2


def test_a_revocation_of_very_many_articles_stops_answers_on_each(team, monkeypatch):
    monkeypatch.setattr(gate, "MOST_ARTICLE_LOCKS", 1)
    versions = [stories.published(team, journey="Refunds") for _ in range(2)]
    client, _key = stories.client()

    def hold() -> Hold:
        return holding.place_hold(
            actor=Actor.of(team["editor"]), kind="journey", target="Refunds", reason="wrong"
        )

    with uncommitted(lambda: serve(versions[1], client.pk)) as answered:
        revoked = racing.start(hold)
        until_waiting()
    assert outcome(answered) < outcome(revoked).placed_at
    assert {refusal(version) for version in versions} == {Refusal.on_hold}
