"""From its submission on nothing of a version's content changes, nor what hangs on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from kb import gate
from kb.models import Contributor, FactRevision, Passage, Version
from policies.lifecycle import State
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused, stopped
from tests.kb.models.test_moves import version_in

LATER = "2190-01-01T00:00Z"
WINDOW = {"key": "refund.window", "type": "duration", "value": "30 days"}

CONTENT: dict[str, Any] = {
    "title": "Other words",
    "body": "Other words.",
    "kind": "policy",
    "risk": "high",
    "audience": "internal",
    "scope": Jsonb({"region": "eu"}),
    "effective_from": LATER,
    "effective_until": LATER,
    "change_note": "Other words",
    "facts": Jsonb([WINDOW]),
    "edited_by_id": "second_approver",
    "digest": "0" * 64,
    "number": 99,
    "submitted_at": LATER,
}
IDENTITY: dict[str, Any] = {
    "id": 999_999,
    "article_id": "other article",
    "language": "fr",
    "author_id": "second_approver",
    "based_on_id": "other version",
    "created_at": LATER,
    "import_run_id": 1,
    "change_set_id": 1,
}
DECIDED: dict[str, Any] = {"published_at": LATER, "decided_at": LATER}
# Who looked at a draft last is no part of what is said.
BOOKKEEPING = {"edits", "edited_at"}
# These have tests of their own: legal moves, and the review clock (below).
ELSEWHERE = {"state", "verified_at"}

SUBMITTED = [State.in_review, State.published, State.returned, State.retired]


def value_of(value: Any, team: dict[str, Any]) -> Any:
    """Give the names in the tables above their rows' ids."""
    match value:
        case "second_approver":
            return team[value].pk
        case "other article":
            return version_in(State.published, team).article_id
        case "other version":
            return version_in(State.published, team).pk
        case _:
            return value


def test_every_column_of_a_version_is_in_one_of_these_tables():
    columns = {field.column for field in Version._meta.concrete_fields}
    assert columns == {*CONTENT, *IDENTITY, *DECIDED, *BOOKKEEPING, *ELSEWHERE}


@pytest.mark.parametrize("column", CONTENT)
@pytest.mark.parametrize("state", SUBMITTED)
def test_submitted_content_cannot_change(state: State, column: str, team):
    version = version_in(state, team)
    with refused("content_is_fixed"):
        refusing.update("kb_version", version.pk, **{column: value_of(CONTENT[column], team)})


@pytest.mark.parametrize("column", IDENTITY)
@pytest.mark.parametrize("state", [State.draft, State.in_review, State.published])
def test_what_a_version_belongs_to_cannot_change(state: State, column: str, team):
    version = version_in(state, team)
    with refused("identity_is_fixed"):
        refusing.update("kb_version", version.pk, **{column: value_of(IDENTITY[column], team)})


@pytest.mark.parametrize("column", DECIDED)
def test_what_was_decided_cannot_be_dated_anew(column: str, team):
    version = version_in(State.published, team)
    with refused("past_is_fixed"):
        refusing.update("kb_version", version.pk, **{column: DECIDED[column]})


@pytest.mark.parametrize("column", ["digest", "number"])
def test_a_draft_cannot_be_given_a_digest_or_a_number(column: str, team):
    version = version_in(State.draft, team)
    with refused("illegal_move"):
        refusing.update("kb_version", version.pk, **{column: CONTENT[column]})


def test_content_cannot_change_in_the_statement_that_submits(team):
    version = version_in(State.draft, team)
    with refused("content_is_fixed"):
        refusing.update(
            "kb_version", version.pk,
            state="in_review", submitted_at=gate.clock(), body="Never shown to anybody.",
        )  # fmt: skip


def test_content_cannot_change_in_the_statement_that_publishes(team):
    version = version_in(State.in_review, team)
    refusing.sign(version, team["approver"])
    with refused("content_is_fixed"):
        refusing.publish(version, body="Never shown to anybody.")


def test_the_database_gives_digest_and_number_whatever_a_submission_says(team):
    version = version_in(State.draft, team)
    refusing.update(
        "kb_version", version.pk,
        state="in_review", submitted_at=gate.clock(), digest="0" * 64, number=77,
    )  # fmt: skip
    version.refresh_from_db()
    assert version.number == 1
    assert version.digest not in (None, "0" * 64)


def test_the_review_clock_never_runs_back_or_ahead(team):
    version = version_in(State.published, team)
    with refused("past_is_fixed"):
        refusing.update(
            "kb_version", version.pk, verified_at=version.verified_at - timedelta(days=1)
        )
    for moment in (LATER, None):
        with refused("not_the_clock"):
            refusing.update("kb_version", version.pk, verified_at=moment)


@pytest.mark.parametrize("state", SUBMITTED)
def test_no_passage_is_added_after_submission(state: State, team):
    version = version_in(state, team)
    with refused("content_is_fixed"):
        refusing.passage(version.pk)


@pytest.mark.parametrize("table", ["kb_carriedfact", "kb_pinnedfact"])
@pytest.mark.parametrize("state", SUBMITTED)
def test_no_fact_is_hung_on_a_version_after_submission(state: State, table: str, team):
    stories.published(team, kind="policy", facts=(WINDOW,))
    version = version_in(state, team)
    with refused("content_is_fixed"):
        refusing.insert(table, version_id=version.pk, revision_id=FactRevision.objects.get().pk)


@pytest.mark.parametrize("column", ["text", "html", "audience", "version_id", "digest", "ordinal"])
def test_a_passage_never_changes(column: str, team):
    other = version_in(State.draft, team)
    row = Passage.objects.get(version=version_in(State.published, team))
    values = {"version_id": other.pk, "ordinal": 7, "audience": "internal"}
    with refused("append_only"):
        refusing.update("kb_passage", row.pk, **{column: values.get(column, "other")})


@pytest.mark.parametrize("table", ["kb_carriedfact", "kb_pinnedfact"])
def test_facts_are_not_moved_to_another_version(table: str, team):
    version = stories.published(
        team, kind="policy", facts=(WINDOW,), body="Within {{ fact refund.window }}."
    )
    other = version_in(State.draft, team)
    rows = refusing.sql(f"SELECT id FROM {table} WHERE version_id = %s", version.pk)
    with refused("append_only"):
        refusing.update(table, rows[0][0], version_id=other.pk)


def test_a_passage_needs_a_version_that_exists_already(team):
    """Else it would be written first, and its version digested and signed without it."""
    with stopped(refusing.BY_REFERENCE):
        refusing.passage(999_999)


@pytest.mark.parametrize("table", ["kb_carriedfact", "kb_pinnedfact"])
def test_a_fact_is_hung_on_a_version_only_once_its_revision_exists(table: str, team):
    """Else the digest would be taken without it, and its value come afterwards."""
    version = version_in(State.draft, team)
    with stopped(refusing.BY_REFERENCE):
        refusing.insert(table, version_id=version.pk, revision_id=999_999)


def test_the_digest_covers_every_passage(team):
    digests = set()
    for text in ("One.", "Two."):
        version = version_in(State.draft, team)
        refusing.update("kb_version", version.pk, title="The same", body="The same.")
        refusing.passage(version.pk, text=text)
        digests.add(refusing.sql("SELECT kb_version_digest(v) FROM kb_version v "
                                 "WHERE id = %s", version.pk)[0][0])  # fmt: skip
    assert len(digests) == 2


def test_a_passage_s_digest_is_the_database_s_own(team):
    version = version_in(State.draft, team)
    row = refusing.passage(version.pk, digest="f" * 64)
    assert Passage.objects.get(pk=row).digest != "f" * 64


def test_a_draft_with_passages_keeps_the_text_they_are_of(team):
    version = version_in(State.draft, team)
    refusing.passage(version.pk)
    with refused("content_is_fixed"):
        refusing.update("kb_version", version.pk, body="What the approver reads is another text.")


def test_a_passage_is_never_for_more_people_than_its_version(team):
    version = stories.draft(team["editor"], audience="internal")
    refusing.passage(version.pk, audience="agent")
    with refused("audience_widened"):
        refusing.update("kb_version", version.pk, state="in_review", submitted_at=gate.clock())


@pytest.mark.parametrize(
    ("table", "column"),
    [("kb_version", "risk"), ("kb_version", "kind"), ("kb_version", "audience")],
)
def test_a_word_that_rules_compare_is_spelt_right(table: str, column: str, team):
    version = version_in(State.draft, team)
    with stopped(refusing.BY_CHECK):
        refusing.update(table, version.pk, **{column: "High"})


def test_a_scope_is_a_set_of_terms(team):
    version = version_in(State.draft, team)
    with stopped(refusing.BY_CHECK):
        refusing.update("kb_version", version.pk, scope=Jsonb(["region"]))


def test_whoever_opens_and_whoever_saves_a_draft_are_both_contributors(team):
    version = refusing.draft(
        team["editor"], article_id=stories.draft(team["editor"]).article_id, language="de",
        edited_by_id=team["approver"].pk,
    )  # fmt: skip
    refusing.update("kb_version", version.pk, edited_by_id=team["second_approver"].pk)
    names = Contributor.objects.filter(version=version).values_list("person__username", flat=True)
    assert set(names) == {"editor", "approver", "second_approver"}


@pytest.mark.parametrize("column", ["slug", "source", "external_id", "created_at"])
def test_an_article_s_identity_cannot_change(column: str, team):
    article_id = version_in(State.draft, team).article_id
    with refused("identity_is_fixed"):
        refusing.update(
            "kb_article", article_id, **{column: LATER if column == "created_at" else "other"}
        )
