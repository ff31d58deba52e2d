"""Four eyes, fresh authentication, exactly this digest: held by PostgreSQL against plain SQL."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.actions import drafting, people, reviewing
from kb.actions.work import Actor
from kb.models import ImportRun, Person, Review, Version
from policies.approval import AUTHENTICATION_CLOCK_SKEW, AUTHENTICATION_MAX_AGE, approvals_needed
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused, stopped


@pytest.fixture
def author(team: dict[str, Person]) -> Person:
    """Somebody who writes and may approve what others wrote."""
    return stories.person("both", "editor", "approver")


@pytest.fixture
def in_review(team: dict[str, Person]) -> Version:
    """What the editor wrote, submitted."""
    return stories.submit(stories.draft(team["editor"]), team["editor"])


def import_run(author: Person, *approvers: Person) -> ImportRun:
    run = ImportRun.objects.create(
        source="feed", file_name="a.jsonl", file_digest="", operator="ops", author=author,
        started_at=gate.clock(),
    )  # fmt: skip
    run.approvers.set(approvers)
    return run


def imported(run: ImportRun) -> Version:
    """A version of `run` in review."""
    article_id = stories.draft(run.author).article_id
    version = refusing.draft(run.author, article_id=article_id, language="de", import_run_id=run.pk)
    return stories.submit(version, run.author)


def attest(version: Version, reviewer: Person, run: ImportRun | None) -> None:
    refusing.sign(
        version, reviewer, meaning="import_attested", import_run_id=run.pk if run else None,
        authenticated_by="", authenticated_at=None,
    )  # fmt: skip


def test_an_approver_who_had_no_part_in_it_can_sign(in_review, team):
    refusing.sign(in_review, team["approver"])
    assert Review.objects.get().reviewer == team["approver"]


def test_an_author_cannot_approve_their_own_version(author):
    version = stories.submit(stories.draft(author), author)
    with refused("four_eyes"):
        refusing.sign(version, author)


def test_whoever_saved_a_draft_once_cannot_approve_it(author, team):
    version = stories.draft(team["editor"])
    saved = drafting.save_draft(
        actor=Actor.of(author), version_id=version.pk, edits=0, content=stories.content()
    )
    drafting.save_draft(
        actor=Actor.of(team["editor"]), version_id=version.pk, edits=saved.edits,
        content=stories.content(),
    )  # fmt: skip
    version = stories.submit(version, team["editor"])
    with refused("four_eyes"):
        refusing.sign(version, author)


def test_whoever_wrote_the_returned_version_cannot_approve_its_successor(author, team):
    first = stories.submit(stories.draft(author), author)
    reviewing.return_version(
        actor=Actor.of(team["approver"]), version_id=first.pk, digest=first.digest or "",
        comment="more",
    )  # fmt: skip
    second = stories.successor(team, first, body="Better words.")
    with refused("four_eyes"):
        refusing.sign(second, author)


def test_whoever_wrote_a_withdrawn_version_under_a_withdrawn_one_cannot_approve(author, team):
    first = stories.submit(stories.draft(author), author)
    drafting.withdraw_version(actor=Actor.of(author), version_id=first.pk)
    second = refusing.draft(team["editor"], article_id=first.article_id, based_on_id=first.pk)
    drafting.withdraw_version(actor=Actor.of(team["editor"]), version_id=second.pk)
    third = refusing.draft(
        team["second_approver"], article_id=first.article_id, based_on_id=second.pk
    )
    third = stories.submit(third, team["second_approver"])
    with refused("four_eyes"):
        refusing.sign(third, author)
    refusing.sign(third, team["approver"])


def test_whoever_wrote_the_published_predecessor_may_approve_the_next(author, team):
    first = stories.submit(stories.draft(author), author)
    first = stories.approve(first, team["approver"])
    refusing.sign(stories.successor(team, first, body="Better words."), author)


def test_an_approval_of_another_digest_is_refused(in_review, team):
    with refused("changed_while_you_looked"):
        refusing.sign(in_review, team["approver"], digest="0" * 64)


def test_an_approval_of_a_version_that_does_not_exist_is_refused(in_review, team):
    with refused("illegal_move"):
        refusing.sign(in_review, team["approver"], version_id=999_999)


@pytest.mark.parametrize("given", [{"authenticated_at": None}, {"authenticated_by": ""}])
def test_an_approval_without_authentication_is_refused(given, in_review, team):
    with refused("stale_authentication"):
        refusing.sign(in_review, team["approver"], **given)


def test_stale_authentication_is_refused(in_review, team):
    old = gate.clock() - AUTHENTICATION_MAX_AGE
    with refused("stale_authentication"):
        refusing.sign(in_review, team["approver"], authenticated_at=old)
    refusing.sign(in_review, team["approver"], authenticated_at=old + timedelta(seconds=30))


def test_authentication_from_the_future_is_refused_beyond_a_provider_s_skew(in_review, team):
    ahead = gate.clock() + AUTHENTICATION_CLOCK_SKEW
    with refused("stale_authentication"):
        refusing.sign(in_review, team["approver"], authenticated_at=ahead + timedelta(seconds=30))
    refusing.sign(in_review, team["approver"], authenticated_at=ahead - timedelta(seconds=30))


@pytest.mark.parametrize("moment", ["2020-01-01T00:00Z", "2190-01-01T00:00Z"])
def test_a_decision_is_dated_by_the_clock(moment, in_review, team):
    with refused("not_the_clock"):
        refusing.sign(in_review, team["approver"], decided_at=moment)


def test_only_an_approver_approves(in_review, team):
    auditor = stories.person("auditor", "auditor")
    with refused("not_permitted"):
        refusing.sign(in_review, auditor)


def test_an_approver_of_another_group_cannot_approve(in_review, team):
    people.create_owner_group(actor=Actor.system("test"), name="Payments")
    other = stories.person("other", "approver", group="Payments")
    with refused("not_permitted"):
        refusing.sign(in_review, other)


def test_nobody_signs_a_version_twice(in_review, team):
    refusing.sign(in_review, team["approver"])
    with stopped(refusing.BY_UNIQUENESS):
        refusing.sign(in_review, team["approver"])


@pytest.mark.parametrize(
    "columns",
    [{"decision": "return"}, {"digest": "0" * 64}, {"comment": "other"}, {"reviewer_id": 1}],
)
def test_a_review_never_changes(columns, in_review, team):
    row = refusing.sign(in_review, team["approver"])
    with refused("append_only"):
        refusing.update("kb_review", row, **columns)


def test_only_what_is_in_review_can_be_signed(team):
    version = stories.draft(team["editor"])
    with refused("illegal_move"):
        refusing.sign(version, team["approver"], digest="0" * 64)
    published = stories.published(team)
    with refused("illegal_move"):
        refusing.sign(published, team["second_approver"])


def test_an_import_s_approver_attests_without_signing_in(team):
    run = import_run(team["editor"], team["approver"])
    attest(imported(run), team["approver"], run)


def test_an_attested_approval_needs_an_import(in_review, team):
    run = import_run(team["editor"], team["approver"])
    for named in (None, run):
        with refused("stale_authentication"):
            attest(in_review, team["approver"], named)


def test_an_attested_approval_names_its_own_import(team):
    run = import_run(team["editor"], team["approver"])
    other = import_run(team["editor"], team["approver"])
    with refused("stale_authentication"):
        attest(imported(run), team["approver"], other)


def test_only_the_import_s_approvers_attest(team):
    run = import_run(team["editor"], team["approver"])
    with refused("stale_authentication"):
        attest(imported(run), team["second_approver"], run)


def test_an_import_s_author_cannot_attest_it(author):
    run = import_run(author, author)
    with refused("four_eyes"):
        attest(imported(run), author, run)


def test_a_version_is_not_published_without_an_approval(in_review):
    with refused("approvals_missing"):
        refusing.publish(in_review)


def test_high_risk_is_not_published_by_one_approval(team):
    version = stories.submit(stories.draft(team["editor"], risk="high"), team["editor"])
    refusing.sign(version, team["approver"])
    with refused("approvals_missing"):
        refusing.publish(version)
    refusing.sign(version, team["second_approver"])
    refusing.publish(version)


def test_a_return_is_no_approval(in_review, team):
    refusing.sign(in_review, team["approver"], decision="return", meaning="returned")
    with refused("approvals_missing"):
        refusing.publish(in_review)


@pytest.mark.parametrize("risk", ["normal", "high"])
@pytest.mark.parametrize("kind", ["policy", "resolution"])
def test_sql_asks_for_as_many_approvals_as_the_rules(kind, risk, db):
    needed = refusing.sql("SELECT kb_approvals_needed(%s)", risk)[0][0]
    assert needed == approvals_needed(kind, risk)


@pytest.mark.parametrize("column", ["decided_at", "published_at", "verified_at"])
def test_a_publication_is_dated_by_its_decision(column, in_review, team):
    refusing.sign(in_review, team["approver"])
    with refused("not_the_clock"):
        refusing.publish(in_review, **{column: "2020-01-01T00:00Z"})


def test_a_temporary_table_does_not_stand_in_for_the_reviews(in_review, team, temporary_tables):
    """Its rows would be counted as approvals if functions looked where the session does."""
    refusing.sql("CREATE TEMPORARY TABLE kb_review (LIKE public.kb_review)")
    refusing.sql("SET LOCAL search_path = pg_temp, public")
    refusing.sql(
        "INSERT INTO pg_temp.kb_review (id, version_id, digest, decision, meaning, comment, "
        "reviewer_id, authenticated_by, decided_at) "
        "VALUES (1, %s, %s, 'approve', '', '', %s, '', now())",
        in_review.pk, in_review.digest, team["approver"].pk,
    )  # fmt: skip
    with refused("approvals_missing"):
        refusing.publish(in_review)


def test_a_temporary_table_does_not_hide_who_contributed(author, temporary_tables):
    version = stories.submit(stories.draft(author), author)
    refusing.sql("CREATE TEMPORARY TABLE kb_contributor (LIKE public.kb_contributor)")
    refusing.sql("SET LOCAL search_path = pg_temp, public")
    with refused("four_eyes"):
        refusing.sign(version, author)
