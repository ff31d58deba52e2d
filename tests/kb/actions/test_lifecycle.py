"""A version's life through the actions: written, reviewed, in force, followed, ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.actions import drafting, publishing, reviewing
from kb.actions.work import Actor
from kb.errors import Conflict, NotFound, NotPermitted, Refused, StaleAuthentication
from kb.gate import Caller
from kb.models import Period, Version
from policies.eligibility import Refusal
from tests import stories

pytestmark = pytest.mark.django_db


def refusals(version: Version) -> set[Refusal | None]:
    ids = list(version.passages.values_list("pk", flat=True))
    _at, judged = gate.judge(ids, caller=Caller(audience="public"))
    return {one.refusal for one in judged}


def test_an_approved_version_is_in_force_from_its_approval():
    team = stories.staff()
    version = stories.published(team)
    assert (version.state, version.number) == ("published", 1)
    period = Period.objects.get(version=version)
    assert period.starts_at == version.published_at
    assert period.ends_at is None
    assert refusals(version) == {None}


def test_an_author_cannot_approve_their_own_version():
    team = stories.staff()
    author = stories.person("both", "editor", "approver")
    version = stories.submit(stories.draft(author), author)
    with pytest.raises(NotPermitted) as refusal:
        stories.approve(version, author)
    assert refusal.value.code == "four_eyes"
    assert stories.approve(version, team["approver"]).state == "published"


def test_whoever_wrote_the_returned_version_cannot_approve_the_next():
    team = stories.staff()
    author = stories.person("both", "editor", "approver")
    first = stories.submit(stories.draft(author), author)
    reviewing.return_version(
        actor=Actor.of(team["approver"]), version_id=first.pk, digest=first.digest, comment="more"
    )
    second = stories.successor(team, first, body="Better words for everyone.")
    with pytest.raises(NotPermitted):
        stories.approve(second, author)
    assert stories.approve(second, team["approver"]).state == "published"


def test_high_risk_needs_two_people():
    team = stories.staff()
    version = stories.submit(stories.draft(team["editor"], risk="high"), team["editor"])
    assert stories.approve(version, team["approver"]).state == "in_review"
    with pytest.raises(Refused) as refusal:
        stories.approve(version, team["approver"])
    assert refusal.value.code == "already_approved"
    assert stories.approve(version, team["second_approver"]).state == "published"


def test_a_signature_goes_stale_after_five_minutes():
    team = stories.staff()
    version = stories.submit(stories.draft(team["editor"]), team["editor"])
    old = reviewing.Signature("password", gate.clock() - timedelta(minutes=6))
    with pytest.raises(StaleAuthentication):
        reviewing.approve_version(
            actor=Actor.of(team["approver"]),
            version_id=version.pk,
            digest=version.digest,
            signature=old,
        )


def test_a_successor_ends_its_predecessor_at_its_own_start():
    team = stories.staff()
    first = stories.published(team)
    second = stories.approve(stories.successor(team, first, body="New words."), team["approver"])
    before, after = Period.objects.get(version=first), Period.objects.get(version=second)
    assert before.ends_at == after.starts_at
    assert before.closed_by == second
    assert refusals(first) == {Refusal.superseded}
    assert refusals(second) == {None}


def test_a_scheduled_version_takes_effect_by_itself(clock):
    team = stories.staff()
    first = stories.published(team)
    later = gate.clock() + timedelta(days=3)
    second = stories.approve(stories.successor(team, first, effective_from=later), team["approver"])
    assert refusals(second) == {Refusal.not_yet_in_effect}
    assert refusals(first) == {None}
    clock.forward(timedelta(days=3, seconds=1))
    assert refusals(second) == {None}
    assert refusals(first) == {Refusal.superseded}


def test_retiring_a_scheduled_version_gives_the_predecessor_its_end_back(clock):
    team = stories.staff()
    end = gate.clock() + timedelta(days=90)
    first = stories.published(team, effective_until=end)
    later = gate.clock() + timedelta(days=3)
    second = stories.approve(stories.successor(team, first, effective_from=later), team["approver"])
    publishing.retire_version(
        actor=Actor.of(team["approver"]), version_id=second.pk, why="not after all"
    )
    assert Period.objects.get(version=first).ends_at == end
    clock.forward(timedelta(days=5))
    assert refusals(first) == {None}
    assert refusals(second) == {Refusal.retired}


def test_a_later_retirement_revives_nothing():
    team = stories.staff()
    first = stories.published(team)
    second = stories.approve(stories.successor(team, first), team["approver"])
    publishing.retire_version(actor=Actor.of(team["approver"]), version_id=second.pk, why="wrong")
    assert refusals(first) == {Refusal.superseded}
    assert refusals(second) == {Refusal.retired}


def test_a_version_published_after_its_own_end_reads_expired(clock):
    team = stories.staff()
    version = stories.submit(
        stories.draft(team["editor"], effective_until=gate.clock() + timedelta(days=1)),
        team["editor"],
    )
    clock.forward(timedelta(days=2))
    stories.approve(version, team["approver"])
    assert refusals(version) == {Refusal.expired}


def test_past_its_review_grace_a_version_is_out_of_service_until_verified(clock):
    team = stories.staff()
    version = stories.published(team, review_every_days=10)
    clock.forward(timedelta(days=41))
    assert refusals(version) == {Refusal.review_overdue}
    publishing.verify_version(actor=Actor.of(team["approver"]), version_id=version.pk)
    assert refusals(version) == {None}


def test_a_save_against_an_older_state_is_refused_and_nothing_is_lost():
    team = stories.staff()
    version = stories.draft(team["editor"])
    save = {"actor": Actor.of(team["approver"]), "version_id": version.pk, "edits": 0}
    drafting.save_draft(**save, content=stories.content(title="first"))
    with pytest.raises(Conflict) as refusal:
        drafting.save_draft(**save, content=stories.content(title="second"))
    assert refusal.value.code == "edited_meanwhile"
    version.refresh_from_db()
    assert version.title == "first"


def test_an_open_draft_is_opened_once():
    team = stories.staff()
    version = stories.published(team)
    opened = [
        drafting.open_draft(actor=Actor.of(team["editor"]), article_id=version.article_id)
        for _ in range(2)
    ]
    assert opened[0] == opened[1]


def test_a_translation_is_drafted_while_the_original_is_edited_or_in_review():
    team = stories.staff()
    version = stories.published(team)
    actor = Actor.of(team["editor"])
    edited = drafting.open_draft(actor=actor, article_id=version.article_id)
    german = drafting.open_draft(actor=actor, article_id=version.article_id, language="de")
    assert german.based_on_id == version.pk
    stories.submit(edited, team["editor"])
    french = drafting.open_draft(actor=actor, article_id=version.article_id, language="fr")
    assert french.based_on_id == version.pk


def test_an_article_without_a_decided_text_says_so():
    team = stories.staff()
    only = stories.draft(team["editor"])
    with pytest.raises(NotFound):
        drafting.open_draft(
            actor=Actor.of(team["editor"]), article_id=only.article_id, language="de"
        )


def test_one_language_is_one_however_its_tag_is_written():
    team = stories.staff()
    first = stories.published(team, language="de-at")
    assert first.language == "de-AT"
    opened = drafting.open_draft(
        actor=Actor.of(team["editor"]), article_id=first.article_id, language="de-At"
    )
    assert (opened.language, opened.based_on_id) == ("de-AT", first.pk)
    stories.approve(stories.submit(opened, team["editor"]), team["approver"])
    first.refresh_from_db()
    assert first.period.closed_by_id == opened.pk
