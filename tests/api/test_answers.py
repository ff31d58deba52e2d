"""POST /answers and GET /answers/{id} through the door."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from kb import gate
from kb.actions import clients, holding
from kb.actions.work import Actor
from kb.models import Answer
from tests import stories
from tests.api.conftest import ASKED

pytestmark = pytest.mark.django_db


def hold(team, version):
    holding.place_hold(
        actor=Actor.of(team["editor"]),
        kind="article",
        target=version.article.slug,
        reason="numbers under review",
    )


def test_a_question_is_answered_in_the_contracts_shape(bot, refunds):
    response = bot.ask()
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {
        "id", "decision", "reason", "probability", "threshold", "quotes", "passages", "clarify",
        "handoff", "served_at", "valid_until", "historical",
    }  # fmt: skip
    passage = body["passages"][0]
    assert set(passage) == {
        "id", "text", "html", "headings", "score", "citation", "article", "version", "facts",
    }  # fmt: skip
    assert set(passage["article"]) == {"id", "external_id", "slug", "title", "kind", "url"}
    assert set(passage["version"]) == {
        "number", "digest", "approved_at", "approved_by", "effective_from", "effective_until",
    }  # fmt: skip
    assert body["decision"] == "answer"
    assert uuid.UUID(body["id"])
    assert Answer.objects.filter(pk=body["id"]).exists()


def test_times_are_rfc_3339_in_utc_and_nothing_keeps_the_answer(bot, refunds):
    response = bot.ask()
    served_at = response.json()["served_at"]
    assert served_at.endswith("Z")
    assert datetime.fromisoformat(served_at).utcoffset() == timedelta(0)
    assert response["Cache-Control"] == "no-store"


def test_abstaining_is_a_success(bot, refunds):
    response = bot.ask("do you sell aquarium heaters for tropical fish")
    assert response.status_code == 200
    assert response.json()["decision"] == "abstain"


def test_an_agents_section_reaches_an_agents_key_only(bot, make_bot, refunds):
    asked = "release the refund with code amber heron in the returns ledger"
    assert "amber-heron" not in bot.ask(asked).content.decode()
    assert "amber-heron" in make_bot("desk", audience="agent").ask(asked).content.decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "   "}, "query"),
        ({"query": "x" * 2001}, "query"),
        ({"query": 7}, "query"),
        ({"query": None}, "query"),
        ({"query": ["a"]}, "query"),
        ({"query": "a", "quary": "b"}, "quary"),
        ({"query": "a", "max_results": 0}, "max_results"),
        ({"query": "a", "max_results": 21}, "max_results"),
        ({"query": "a", "max_results": "5"}, "max_results"),
        ({"query": "a", "max_results": 2.5}, "max_results"),
        ({"query": "a", "max_results": True}, "max_results"),
        ({"query": "a", "scope": "EU"}, "scope"),
        ({"query": "a", "scope": {"region": 1}}, "scope.region"),
        ({"query": "a", "scope": {"region": ""}}, "scope.region"),
        ({"query": "a", "scope": {" ": "eu"}}, "scope"),
        ({"query": "a", "scope": {str(n): "x" for n in range(21)}}, "scope"),
        ({"query": "a", "history": "before"}, "history"),
        ({"query": "a", "history": [{"role": "customer"}]}, "history[0].text"),
        ({"query": "a", "history": [{"role": "a", "text": "b", "at": "c"}]}, "history[0].at"),
        ({"query": "a", "history": [{"role": "a", "text": "b"}] * 51}, "history"),
        ({"query": "a", "history": ["before"]}, "history[0]"),
        ({"query": "a", "language": "english please"}, "language"),
        ({"query": "a", "language": 7}, "language"),
        ({"query": "a", "as_of": "yesterday"}, "as_of"),
        ({"query": "a", "as_of": "2026-03-03T09:00:00"}, "as_of"),
        ({"query": "a", "as_of": 1741000000}, "as_of"),
        ({"query": "a", "as_of": "0001-01-01T00:00:00+23:00"}, "as_of"),
        ({"query": "a", "conversation": "c" * 201}, "conversation"),
        ({"query": "a", "customer": {"id": 1}}, "customer"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_by_its_name(bot, body, field):
    response = bot.post("answers", body)
    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == "invalid"
    assert field in problem["errors"]
    assert not Answer.objects.exists()


def test_every_bad_field_is_named_at_once(bot):
    problem = bot.post("answers", {"query": 7, "max_results": 0, "mood": "bad"}).json()
    assert set(problem["errors"]) == {"query", "max_results", "mood"}


def test_optional_fields_may_be_left_out_or_empty(bot, refunds):
    response = bot.ask(
        conversation="",
        customer="",
        history=[],
        scope={},
        language=None,
        as_of=None,
        known_at=None,
        max_results=1,
    )
    assert response.status_code == 200
    assert len(response.json()["passages"]) == 1


def test_a_scope_that_contradicts_the_keys_is_refused(make_bot, refunds):
    bound = make_bot("bound", scope_={"region": "eu"})
    response = bound.ask(scope={"region": "uk"})
    assert response.status_code == 422
    assert "scope" in response.json()["errors"]


def test_the_past_needs_a_right(bot, make_bot, refunds):
    now = gate.clock().isoformat()
    response = bot.ask(as_of=now)
    assert (response.status_code, response.json()["code"]) == (403, "not_permitted")
    historian = make_bot("historian", rights=["history"])
    assert historian.ask(as_of=now).json()["historical"] is True
    ahead = (gate.clock() + timedelta(days=1)).isoformat()
    assert "as_of" in historian.ask(as_of=ahead).json()["errors"]


def test_an_answer_is_looked_up_by_its_own_client(bot, make_bot, refunds):
    answer = bot.ask(customer="c-77").json()
    response = bot.get(f"answers/{answer['id']}")
    assert response.status_code == 200
    body = response.json()
    assert body["decision"] == "answer"
    assert body["passages"][0]["citation"] == answer["passages"][0]["citation"]
    assert body["passages"][0]["status"] == "current"
    assert body["content"] is None
    assert "c-77" not in response.content.decode()
    assert answer["passages"][0]["text"] not in response.content.decode()
    other = make_bot("other")
    assert other.get(f"answers/{answer['id']}").status_code == 404


def test_missing_and_forbidden_answers_look_the_same(bot, make_bot, refunds):
    answer = bot.ask().json()
    other = make_bot("other")
    forbidden, missing = (other.get(f"answers/{one}") for one in (answer["id"], uuid.uuid4()))
    for response in (forbidden, missing):
        assert response.status_code == 404
    assert without_id(forbidden) == without_id(missing)


def without_id(response):
    body = response.json()
    body.pop("request_id")
    return body


def test_texts_need_the_right_recall(bot, make_bot, refunds):
    answer = bot.ask(customer="c-77", conversation="t-1").json()
    desk = make_bot("incident desk", audience="internal", rights=["recall"])
    body = desk.get(f"answers/{answer['id']}").json()
    assert body["content"]["question"] == ASKED
    assert body["content"]["customer"] == "c-77"
    assert body["passages"][0]["text"] == answer["passages"][0]["text"]


def test_recall_shows_no_text_beyond_the_keys_audience(make_bot, refunds):
    agent = make_bot("desk", audience="agent")
    answer = agent.ask("release the refund with code amber heron in the returns ledger").json()
    public = make_bot("public recall", rights=["recall"])
    response = public.get(f"answers/{answer['id']}")
    assert response.status_code == 200
    assert "returns ledger;" not in response.content.decode()


def test_an_answers_citations_tell_what_they_are_worth_now(team, bot, refunds):
    answer = bot.ask().json()
    hold(team, refunds)
    statuses = {one["status"] for one in bot.get(f"answers/{answer['id']}").json()["passages"]}
    assert statuses == {"on_hold"}


def test_a_revoked_key_is_refused_at_once(bot, refunds):
    assert bot.ask().status_code == 200
    clients.revoke_keys(actor=Actor.system("test"), name="bot", why="leaked")
    response = bot.ask()
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_key_expires_at_its_instant(make_bot, clock):
    bot = make_bot("short", expires_at=gate.clock() + timedelta(hours=1))
    assert bot.get("articles").status_code == 200
    clock.forward(timedelta(hours=1, seconds=1))
    assert bot.get("articles").status_code == 401


def test_the_rate_is_told_and_held(make_bot):
    bot = make_bot("slow", rate_per_s=2)
    first = bot.get("articles")
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    statuses = [bot.get("articles") for _ in range(4)]
    refused = [one for one in statuses if one.status_code == 429]
    assert refused
    assert int(refused[0]["Retry-After"]) >= 1
    assert refused[0]["RateLimit-Remaining"] == "0"
    assert refused[0].json()["code"] == "rate_limited"


def test_a_client_without_a_rate_is_told_of_none(bot):
    assert "RateLimit-Limit" not in bot.get("articles")


def test_reasons_do_not_tell_a_public_client_what_it_may_not_know(team, bot):
    stories.published(
        team, title="Verify a caller", body="Ask for the third letter.", audience="agent"
    )
    answer = bot.ask("ask for the third letter to verify a caller").json()
    assert answer["reason"] != "out_of_audience"
    assert bot.get(f"answers/{answer['id']}").json()["reason"] == answer["reason"]
