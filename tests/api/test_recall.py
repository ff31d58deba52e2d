"""GET /answers: who was told what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.actions import erasing
from kb.actions.work import Actor
from tests import stories
from tests.api.conftest import ASKED, BODY

pytestmark = pytest.mark.django_db

POLICY = "Refunds are paid within {{ fact refund.days }} of the parcel's arrival."
FACT = {"key": "refund.days", "type": "duration", "value": "14", "unit": "days"}


@pytest.fixture
def desk(make_bot):
    """A client with the right to recall."""
    return make_bot("incident desk", audience="internal", rights=["recall"])


def everything(desk, **parameters):
    """Follow `next` to the end."""
    items, cursor = [], None
    while True:
        given = {**parameters, **({"cursor": cursor} if cursor else {})}
        body = desk.get("answers", given).json()
        items += body["items"]
        cursor = body["next"]
        if cursor is None:
            return items


def test_recall_lists_every_answer_that_rested_on_a_version(desk, bot, refunds):
    answers = [bot.ask(conversation=f"t-{n}").json() for n in range(3)]
    bot.ask("do you sell aquarium heaters for tropical fish")
    items = everything(desk, version=str(refunds.pk))
    assert [one["id"] for one in items] == [one["id"] for one in reversed(answers)]
    first = items[0]
    assert set(first) == {
        "id", "served_at", "client", "decision", "reason", "purpose", "historical",
        "conversation", "passages",
    }  # fmt: skip
    assert (first["client"], first["conversation"], first["decision"]) == ("bot", "t-2", "answer")
    assert {one["id"] for one in first["passages"]} == {one["id"] for one in answers[2]["passages"]}
    assert first["passages"][0]["article"] == refunds.article.slug


def test_a_version_is_named_by_id_or_by_slug_and_number(desk, bot, refunds):
    bot.ask()
    by_id = everything(desk, version=str(refunds.pk))
    assert everything(desk, version=f"{refunds.article.slug}:{refunds.number}") == by_id
    assert everything(desk, article=refunds.article.slug) == by_id


def test_recall_by_passage_takes_its_id_or_its_digest(desk, bot, refunds):
    passage = bot.ask().json()["passages"][0]["id"]
    by_id = everything(desk, passage=str(passage))
    assert len(by_id) == 1
    digest = refunds.passages.get(pk=passage).digest
    assert everything(desk, passage=digest) == by_id


def test_recall_by_fact_finds_what_rendered_it(desk, team, bot):
    stories.published(
        team,
        title="How fast are refunds paid",
        body=POLICY,
        kind="policy",
        facts=(FACT,),
    )
    answer = bot.ask("how fast are refunds paid after the parcel arrives").json()
    assert answer["decision"] == "answer"
    assert [one["id"] for one in everything(desk, fact="refund.days")] == [answer["id"]]


def test_only_what_was_served_in_the_asked_span_is_recalled(desk, bot, refunds, clock):
    early = bot.ask().json()["id"]
    clock.forward(timedelta(hours=1))
    middle = gate.clock()
    clock.forward(timedelta(hours=1))
    late = bot.ask().json()["id"]
    article = refunds.article.slug
    at = middle.isoformat()
    assert [one["id"] for one in everything(desk, article=article, **{"from": at})] == [late]
    assert [one["id"] for one in everything(desk, article=article, to=at)] == [early]


def test_pages_follow_one_another_without_gap_or_repetition(desk, bot, refunds):
    ids = [bot.ask().json()["id"] for _ in range(7)]
    for limit in (1, 2, 3, 7, 8):
        items = everything(desk, article=refunds.article.slug, limit=limit)
        assert [one["id"] for one in items] == ids[::-1]


def test_a_tests_answers_are_left_out_unless_asked_for(desk, make_bot, refunds):
    tester = make_bot("tester", purpose="test")
    answer = tester.ask().json()["id"]
    article = refunds.article.slug
    assert everything(desk, article=article) == []
    assert [one["id"] for one in everything(desk, article=article, purpose="test")] == [answer]
    assert [one["id"] for one in everything(desk, article=article, purpose="any")] == [answer]


def test_live_answers_are_found_behind_many_of_a_test(desk, make_bot, bot, refunds, monkeypatch):
    monkeypatch.setattr("kb.actions.recalling._MOST_ROWS", 3)
    live = bot.ask().json()["id"]
    tester = make_bot("tester", purpose="test")
    for _ in range(10):
        tester.ask()
    assert [one["id"] for one in everything(desk, article=refunds.article.slug, limit=2)] == [live]


def test_what_was_erased_is_recalled_without_its_conversation(desk, bot, refunds):
    bot.ask(customer="c-1", conversation="t-1")
    erasing.erase_customer(actor=Actor.system("test"), reference="c-1")
    [item] = everything(desk, article=refunds.article.slug)
    assert item["conversation"] is None
    detail = desk.get(f"answers/{item['id']}").json()
    assert detail["content"]["question"] == ""
    assert detail["content"]["erased_at"]


def test_recall_reaches_versions_that_govern_no_longer(desk, team, bot, refunds):
    told = bot.ask().json()["id"]
    new = stories.successor(team, refunds, body=BODY.replace("five", "three"))
    stories.approve(new, team["approver"])
    assert [one["id"] for one in everything(desk, version=str(refunds.pk))] == [told]


@pytest.mark.parametrize(
    "parameters",
    [
        {"version": "999999"},
        {"version": "no-such:1"},
        {"version": "when-does-my-refund-arrive:99999999999"},
        {"version": "what?"},
        {"article": "no-such"},
        {"passage": "999999"},
        {"passage": "f" * 64},
        {"passage": "zz"},
        {"fact": "no.such"},
    ],
)
def test_what_does_not_exist_is_missing(desk, parameters):
    response = desk.get("answers", parameters)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "é", "W1tdLFtdXQ", "WyIyMDI2IiwiMSJd"])
def test_a_cursor_that_was_not_given_out_is_refused(desk, refunds, cursor):
    response = desk.get("answers", {"article": refunds.article.slug, "cursor": cursor})
    assert response.status_code == 422
    assert "cursor" in response.json()["errors"]


def test_a_draft_is_not_to_be_recalled_by(desk, team):
    version = stories.draft(team["editor"])
    assert desk.get("answers", {"version": str(version.pk)}).status_code == 404


def test_the_question_asked_is_in_the_record_for_those_with_the_right(desk, bot, refunds):
    bot.ask()
    [item] = everything(desk, article=refunds.article.slug)
    assert desk.get(f"answers/{item['id']}").json()["content"]["question"] == ASKED
