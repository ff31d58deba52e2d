"""The ledger refuses what can't have been served, and forgets only what may be forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from kb import gate
from kb.actions import holding, publishing
from kb.actions.work import Actor
from kb.models import AnswerContent, AnswerPassage, Client, Person, Version
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused, stopped

DAY = timedelta(days=1)
WINDOW = {"key": "refund.window", "type": "duration", "value": "30 days"}


@pytest.fixture
def bot(team: dict[str, Person]) -> Client:
    """A public client."""
    return stories.client()[0]


@pytest.fixture
def version(team: dict[str, Person]) -> Version:
    """A policy in force, of a journey, that carries and renders a fact."""
    return stories.published(
        team, kind="policy", facts=(WINDOW,), journey="Refunds",
        body="You have {{ fact refund.window }}.",
    )  # fmt: skip


def test_what_is_in_force_can_be_served(bot, version):
    refusing.rest_on(refusing.answer(bot.pk), version)
    assert AnswerPassage.objects.get().version == version


def test_what_is_not_in_force_yet_cannot_be_served(bot, team):
    version = stories.published(team, effective_from=gate.clock() + DAY)
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), version)


def test_what_has_expired_cannot_be_served(bot, team, clock):
    version = stories.published(team, effective_until=gate.clock() + DAY)
    clock.forward(DAY)
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), version)


def test_what_was_superseded_cannot_be_served(bot, version, team):
    stories.approve(stories.successor(team, version, title="New"), team["approver"])
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), version)


def test_what_was_retired_cannot_be_served(bot, version, team):
    publishing.retire_version(actor=Actor.of(team["approver"]), version_id=version.pk, why="wrong")
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), version)


def test_what_was_never_approved_cannot_be_served(bot, team):
    version = stories.submit(stories.draft(team["editor"]), team["editor"])
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), version)


@pytest.mark.parametrize("kind", ["article", "version", "passage", "fact", "journey"])
def test_what_is_on_hold_cannot_be_served(kind: str, bot, version, team):
    target = {
        "article": version.article.slug, "version": str(version.pk), "fact": "refund.window",
        "passage": version.passages.get().digest, "journey": "Refunds",
    }[kind]  # fmt: skip
    hold = holding.place_hold(
        actor=Actor.of(team["editor"]), kind=kind, target=target, reason="a number is wrong"
    )
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), version)
    holding.lift_hold(actor=Actor.of(team["approver"]), hold_id=hold.pk, reason="it was right")
    refusing.rest_on(refusing.answer(bot.pk), version)


def test_what_states_a_superseded_fact_cannot_be_served(bot, version, team):
    text = stories.published(team, body="Within {{ fact refund.window }}.")
    refusing.rest_on(refusing.answer(bot.pk), text)
    publishing.retire_version(actor=Actor.of(team["approver"]), version_id=version.pk, why="old")
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(bot.pk), text)


@pytest.mark.parametrize(
    ("audience", "told"),
    [("agent", "public"), ("internal", "public"), ("internal", "agent")],
)
def test_nothing_is_served_outside_its_audience(audience: str, told: str, team):
    client, _key = stories.client(audience=told)
    version = stories.published(team, audience=audience)
    with refused("not_servable"):
        refusing.rest_on(refusing.answer(client.pk, audience=told), version)


@pytest.mark.parametrize("audience", ["agent", "internal", "nonsense"])
def test_a_request_does_not_widen_its_client_s_audience(audience: str, bot):
    with refused("out_of_audience"):
        refusing.answer(bot.pk, audience=audience)


def test_a_request_may_narrow_its_client_s_audience(team):
    client, _key = stories.client(audience="internal")
    refusing.answer(client.pk, audience="public")


@pytest.mark.parametrize("moment", [-DAY, DAY])
def test_an_answer_is_dated_by_the_clock(moment: timedelta, bot):
    with refused("not_the_clock"):
        refusing.answer(bot.pk, served_at=gate.clock() + moment, valid_until=gate.clock() + 2 * DAY)


def test_an_answer_is_not_outdated_before_it_is_served(bot):
    with refused("not_the_clock"):
        refusing.answer(bot.pk, valid_until=gate.clock() - DAY)


def test_what_an_answer_rests_on_is_dated_like_the_answer(bot, version):
    answered = refusing.answer(bot.pk)
    with refused("not_servable"):
        refusing.rest_on(answered, version, served_at=gate.clock())


def test_nothing_is_added_to_an_answer_of_another_transaction(bot, version, clock):
    answered = refusing.answer(bot.pk)
    clock.forward(DAY)
    with refused("not_servable"):
        refusing.rest_on(answered, version)


def test_a_passage_is_recorded_with_its_own_version_and_article(bot, version, team):
    other, answered = stories.published(team), refusing.answer(bot.pk)
    for given in (
        {"version_id": other.pk, "article_id": other.article_id},
        {"article_id": other.article_id},
        {"passage_id": other.passages.get().pk},
    ):
        with refused("not_servable"):
            refusing.rest_on(answered, version, **given)


def test_an_answer_is_written_before_what_it_rests_on(bot, version):
    """Else nothing could be compared when its passages come."""
    with stopped(refusing.BY_REFERENCE):
        refusing.rest_on("7e1c5f6e-0000-4000-8000-000000000000", version)  # type: ignore[arg-type]


def test_one_bad_passage_among_good_ones_refuses_them_all(bot, version, team):
    bad = stories.published(team, effective_from=gate.clock() + DAY)
    answered = refusing.answer(bot.pk)
    with refused("not_servable"):
        refusing.sql(
            "INSERT INTO kb_answerpassage (answer_id, rank, passage_id, version_id, article_id, "
            "score, served_at) SELECT a.id, row_number() OVER (), p.id, v.id, v.article_id, 1, "
            "a.served_at FROM kb_answer a, kb_passage p JOIN kb_version v ON v.id = p.version_id "
            "WHERE a.id = %s AND v.id = ANY(%s)",
            answered, [version.pk, bad.pk],
        )  # fmt: skip
    assert not AnswerPassage.objects.exists()


def test_an_answer_about_the_past_may_rest_on_what_governed_then(bot, version, team):
    stories.approve(stories.successor(team, version, title="New"), team["approver"])
    then = version.published_at
    answered = refusing.answer(bot.pk, historical=True, as_of=then)
    refusing.rest_on(answered, version)


@pytest.mark.parametrize(
    "given",
    [
        {"historical": True},
        {"historical": False, "as_of": "2026-01-01T00:00Z"},
        {"historical": True, "known_at": "2190-01-01T00:00Z"},
        {"historical": True, "as_of": "2190-01-01T00:00Z"},
    ],
)
def test_only_an_answer_about_the_past_is_historical(given: dict[str, Any], bot):
    """Else the word alone would pass what isn't in force."""
    with refused("not_the_clock"):
        refusing.answer(bot.pk, **given)


@pytest.mark.parametrize("column", ["decision", "served_at", "question_hash", "client_id"])
def test_an_answer_never_changes(column: str, bot):
    answered = refusing.answer(bot.pk)
    values = {"served_at": gate.clock(), "client_id": stories.client("other")[0].pk}
    with refused("append_only"):
        refusing.update("kb_answer", answered, **{column: values.get(column, "other")})


@pytest.mark.parametrize("column", ["rank", "version_id", "served_at"])
def test_what_an_answer_rests_on_never_changes(column: str, bot, version, team):
    row = refusing.rest_on(refusing.answer(bot.pk), version)
    values = {"rank": 2, "served_at": gate.clock(), "version_id": stories.published(team).pk}
    with refused("append_only"):
        refusing.update("kb_answerpassage", row, **{column: values[column]})


ERASED = "question = '', turns = '[]', conversation = '', customer = '', erased_at = kb_clock()"


@pytest.fixture
def words(bot: Client) -> AnswerContent:
    """What a customer wrote beside an answer."""
    return AnswerContent.objects.create(
        answer_id=refusing.answer(bot.pk), question="Where is it?", turns=[{"text": "Hello"}],
        conversation="c1", customer="C-100", retain_until=gate.clock() + 90 * DAY,
    )  # fmt: skip


def rewrite(words: AnswerContent, changes: str) -> None:
    refusing.sql(f"UPDATE kb_answercontent SET {changes} WHERE answer_id = %s", words.pk)


def test_what_a_customer_wrote_can_be_erased(words):
    rewrite(words, ERASED)
    words.refresh_from_db()
    assert (words.question, words.turns, words.customer) == ("", [], "")


@pytest.mark.parametrize(
    "changes",
    [
        "question = 'Something else'",
        "question = ''",
        "customer = 'C-200'",
        "retain_until = kb_clock() + interval '9 years'",
        "erased_at = kb_clock()",
        ERASED.replace("conversation = '', ", ""),
        ERASED.replace("question = ''", "question = 'Another'"),
        ERASED + ", retain_until = kb_clock()",
    ],
)
def test_what_a_customer_wrote_cannot_be_rewritten_or_half_erased(changes: str, words):
    with refused("append_only"):
        rewrite(words, changes)


def test_what_was_erased_stays_erased(words):
    rewrite(words, ERASED)
    with refused("append_only"):
        rewrite(words, ERASED)
    with refused("append_only"):
        rewrite(words, "question = 'Where is it?', erased_at = NULL")


def test_a_client_s_audience_is_one_that_exists(bot):
    with stopped(refusing.BY_CHECK):
        refusing.update("kb_client", bot.pk, audience="everybody")
    with stopped(refusing.BY_CHECK):
        refusing.update("kb_client", bot.pk, scope=Jsonb("everywhere"))
