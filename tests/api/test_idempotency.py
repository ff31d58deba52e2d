"""A POST that is sent again under the same Idempotency-Key does nothing twice."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from django.db import connections

from kb.actions import holding, replaying
from kb.actions.replaying import Outcome
from kb.actions.work import Actor
from kb.errors import Conflict
from kb.models import Answer, Hold, IdempotencyRecord
from tests import stories
from tests.api.conftest import ASKED, BODY, Bot

KEY = {"Idempotency-Key": "order-66/1"}


def assert_problem(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_same_request_gives_the_same_bytes_and_one_answer(self, bot, refunds):
        first, second = (bot.post("answers", {"query": ASKED}, **KEY) for _ in range(2))
        assert first.status_code == second.status_code == 200
        assert first.content == second.content
        assert Answer.objects.count() == 1

    def test_spacing_and_order_of_fields_do_not_matter(self, bot, refunds):
        bodies = (b'{"query": "a","max_results":3}', b'{ "max_results": 3, "query": "a" }')
        first, second = (
            bot.send("POST", "answers", data=one, content_type="application/json", headers=KEY)
            for one in bodies
        )
        assert first.content == second.content

    def test_another_body_under_the_same_key_is_refused(self, bot, refunds):
        bot.post("answers", {"query": ASKED}, **KEY)
        response = bot.post("answers", {"query": "something else"}, **KEY)
        assert_problem(response, 422, "idempotency_key_reused")
        assert "Idempotency-Key" in response.json()["errors"]

    def test_another_address_under_the_same_key_is_refused(self, make_bot, refunds):
        bot = make_bot("holder", rights=["hold"])
        body = {"kind": "article", "target": refunds.article.slug, "reason": "because"}
        assert bot.post("holds", body, **KEY).status_code == 201
        assert_problem(bot.post("answers", {"query": ASKED}, **KEY), 422, "idempotency_key_reused")

    def test_a_key_belongs_to_its_client(self, bot, make_bot, refunds):
        other = make_bot("other")
        one = bot.post("answers", {"query": ASKED}, **KEY).json()["id"]
        assert other.post("answers", {"query": "how else"}, **KEY).json()["id"] != one

    def test_without_a_key_each_request_is_answered_anew(self, bot, refunds):
        assert bot.ask().json()["id"] != bot.ask().json()["id"]

    @pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é"])
    def test_a_key_that_cannot_be_one_is_refused(self, bot, key):
        response = bot.post("answers", {"query": ASKED}, **{"Idempotency-Key": key})
        assert_problem(response, 422, "invalid")

    def test_a_refused_request_may_be_mended_under_the_same_key(self, bot, refunds):
        assert bot.post("answers", {"query": ""}, **KEY).status_code == 422
        assert bot.post("answers", {"query": ASKED}, **KEY).status_code == 200

    def test_a_replay_asks_the_gate_again(self, team, bot, refunds):
        bot.post("answers", {"query": ASKED}, **KEY)
        holding.place_hold(
            actor=Actor.of(team["editor"]),
            kind="article",
            target=refunds.article.slug,
            reason="wrong",
        )
        response = bot.post("answers", {"query": ASKED}, **KEY)
        assert_problem(response, 409, "answer_no_longer_valid")
        assert "five working days" not in response.content.decode()

    def test_a_replay_without_text_holds_until_its_own_end(self, bot, clock):
        asked = {"query": "do you sell aquarium heaters"}
        first = bot.post("answers", asked, **KEY)
        assert first.json()["decision"] == "abstain"
        assert bot.post("answers", asked, **KEY).json() == first.json()
        clock.forward(timedelta(minutes=6))
        assert_problem(bot.post("answers", asked, **KEY), 409, "answer_no_longer_valid")

    def test_a_replay_of_superseded_text_is_refused(self, team, bot, refunds):
        bot.post("answers", {"query": ASKED}, **KEY)
        new = stories.successor(team, refunds, body=BODY.replace("five", "three"))
        stories.approve(new, team["approver"])
        assert_problem(bot.post("answers", {"query": ASKED}, **KEY), 409, "answer_no_longer_valid")

    def test_an_abstention_is_replayed_as_it_was(self, bot, refunds):
        asked = {"query": "do you sell aquarium heaters for tropical fish"}
        first, second = (bot.post("answers", asked, **KEY) for _ in range(2))
        assert first.content == second.content
        assert first.json()["decision"] == "abstain"

    def test_what_the_customer_wrote_is_not_kept(self, bot, refunds):
        asked = {
            "query": f"{ASKED} says Ottoline Quisp",
            "customer": "c-9911",
            "history": [{"role": "customer", "text": "my cat Bramblewick ate it"}],
        }
        bot.post("answers", asked, **KEY)
        [row] = IdempotencyRecord.objects.values()
        kept = json.dumps(row, default=str)
        for word in ("Ottoline", "c-9911", "Bramblewick"):
            assert word not in kept

    def test_a_hold_is_placed_once(self, make_bot, refunds):
        bot = make_bot("holder", rights=["hold"])
        body = {"kind": "article", "target": refunds.article.slug, "reason": "because"}
        first, second = (bot.post("holds", body, **KEY) for _ in range(2))
        assert first.status_code == second.status_code == 201
        assert first.content == second.content
        assert Hold.objects.count() == 1


def test_of_two_at_once_one_does_it_and_the_other_is_told_to_come_back(own_database):
    client, _key = stories.client()
    entered, finish = threading.Event(), threading.Event()
    done: list[Outcome] = []

    def slowly() -> Outcome:
        entered.set()
        assert finish.wait(10)
        return Outcome(status=200, text='{"n": 1}')

    def first() -> None:
        try:
            done.append(replaying.once(client=client, key="k", digest="d", do=slowly))
        finally:
            connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with pytest.raises(Conflict) as refused:
        replaying.once(client=client, key="k", digest="d", do=slowly)
    assert refused.value.code == "in_progress"
    finish.set()
    thread.join(10)
    again = replaying.once(client=client, key="k", digest="d", do=slowly)
    assert (done[0].text, again.text, again.replayed) == ('{"n": 1}', '{"n": 1}', True)


def test_many_at_once_answer_once(own_database):
    stories.published(stories.staff(), title="When does my refund arrive", body=BODY)
    bot = Bot("bot")
    responses = []

    def ask() -> None:
        try:
            responses.append(bot.post("answers", {"query": ASKED}, **KEY))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(responses) == 6
    answered = {one.content for one in responses if one.status_code == 200}
    refused = [one for one in responses if one.status_code != 200]
    assert len(answered) == 1
    assert all(one.json()["code"] == "in_progress" for one in refused)
    assert Answer.objects.count() == 1


def test_what_was_done_and_its_record_are_one_transaction(own_database):
    """A process that dies between the two leaves neither."""
    team = stories.staff()
    refunds = stories.published(team, title="When does my refund arrive", body=BODY)
    client, _key = stories.client()

    class PowerCut(Exception):
        pass

    def do() -> Outcome:
        holding.place_hold(
            actor=Actor.of(team["editor"]),
            kind="article",
            target=refunds.article.slug,
            reason="wrong",
        )
        raise PowerCut

    with pytest.raises(PowerCut):
        replaying.once(client=client, key="k", digest="d", do=do)
    assert not IdempotencyRecord.objects.exists()
    assert not Hold.objects.exists()
