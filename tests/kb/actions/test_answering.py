"""A question through retrieval, gate and ledger, with nothing in between replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.actions import answering, citing, holding, publishing, recalling
from kb.actions.answering import Question
from kb.actions.work import Actor
from kb.errors import Invalid, NotPermitted
from kb.models import Answer, AnswerContent, AnswerPassage
from tests import stories

pytestmark = pytest.mark.django_db

BODY = """## How long a refund takes

A refund reaches your card within five working days after the parcel arrives at our warehouse.

## How we check it {audience=agent}

Look the parcel up in the returns ledger; release the refund with code amber-heron.
"""
ASKED = "how long does a refund take to reach my card"


@pytest.fixture
def team():
    return stories.staff()


@pytest.fixture
def refunds(team):
    return stories.published(team, title="When does my refund arrive", body=BODY)


def ask(client, query=ASKED, **given):
    return answering.answer(client=client, key=None, question=Question(query=query, **given))


def test_a_question_is_answered_with_a_verbatim_quote_and_a_citation(refunds):
    client, _key = stories.client()
    reply = ask(client)
    assert (reply["decision"], reply["reason"]) == ("answer", "grounded")
    first = reply["passages"][0]
    quote = reply["quotes"][0]
    shown = next(one for one in reply["passages"] if one["id"] == quote["passage"])
    assert shown["text"][quote["start"] : quote["end"]] == quote["text"]
    assert first["version"]["digest"] == refunds.digest
    assert first["version"]["approved_by"] == ["approver"]
    assert citing.statuses([first["citation"]])[0]["status"] == "current"


def test_the_ledger_holds_the_answer_before_it_is_sent(refunds):
    client, _key = stories.client()
    reply = ask(client, customer="c-1", conversation="t-9")
    row = Answer.objects.get(pk=reply["id"])
    assert row.served_at == reply["served_at"]
    assert AnswerPassage.objects.filter(answer=row).count() == len(reply["passages"])
    assert AnswerContent.objects.get(answer=row).customer == "c-1"


def test_an_agents_section_never_reaches_a_public_client(refunds):
    public, _key = stories.client("public")
    agent, _key = stories.client("desk", audience="agent")
    for query in (ASKED, "release the refund with code amber heron in the returns ledger"):
        assert "amber-heron" not in str(ask(public, query))
    inside = ask(agent, "release the refund with code amber heron in the returns ledger")
    assert "amber-heron" in str(inside["passages"])


def test_what_nothing_governs_is_an_honest_abstention(refunds):
    client, _key = stories.client()
    reply = ask(client, "do you sell aquarium heaters for tropical fish")
    assert reply["decision"] == "abstain"
    assert reply["passages"] == []
    assert reply["handoff"]["required"] is False


def test_a_held_article_hands_over(team, refunds):
    client, _key = stories.client()
    holding.place_hold(
        actor=Actor.of(team["editor"]),
        kind="article",
        target=refunds.article.slug,
        reason="numbers under review",
    )
    reply = ask(client)
    assert (reply["decision"], reply["reason"]) == ("escalate", "on_hold")
    assert reply["handoff"]["required"] is True


def test_an_old_citation_reads_superseded_and_names_what_replaced_it(team, refunds):
    client, _key = stories.client()
    token = ask(client)["passages"][0]["citation"]
    new = stories.approve(
        stories.successor(team, refunds, body=BODY.replace("five", "three")), team["approver"]
    )
    [status] = citing.statuses([token])
    assert status["status"] == "superseded"
    assert status["replaced_by"].endswith(f"/a/{new.article.slug}/v/{new.number}")
    assert "three working days" in ask(client)["passages"][0]["text"]


def test_a_tampered_citation_is_unknown(refunds):
    client, _key = stories.client()
    token = ask(client)["passages"][0]["citation"]
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert citing.statuses([forged, "x", ""])[0]["status"] == "unknown"


def test_older_signing_keys_still_verify(refunds, settings):
    client, _key = stories.client()
    token = ask(client)["passages"][0]["citation"]
    settings.KB = {**settings.KB, "citation_keys": {**settings.KB["citation_keys"], "k2": "new"}}
    assert citing.statuses([token])[0]["status"] == "current"
    assert ask(client)["passages"][0]["citation"].startswith("k2.")


def test_valid_until_ends_where_a_scheduled_successor_begins(team, refunds):
    client, _key = stories.client()
    soon = gate.clock() + timedelta(seconds=60)
    stories.approve(stories.successor(team, refunds, effective_from=soon), team["approver"])
    assert ask(client)["valid_until"] == soon


def test_the_past_needs_the_right_to_it(team, refunds):
    plain, _key = stories.client("plain")
    with pytest.raises(NotPermitted):
        ask(plain, as_of=gate.clock())


def test_as_of_answers_from_what_governed_then(team, refunds, clock):
    historian, _key = stories.client("historian", rights=["history"])
    before = gate.clock()
    clock.forward(timedelta(days=1))
    stories.approve(
        stories.successor(team, refunds, body=BODY.replace("five", "three")), team["approver"]
    )
    then = ask(historian, as_of=before)
    assert "five working days" in then["passages"][0]["text"]
    assert then["historical"] is True
    assert then["valid_until"] == then["served_at"]
    with pytest.raises(Invalid):
        ask(historian, as_of=gate.clock() + timedelta(days=1))


def test_known_at_does_not_know_what_was_published_later(team, refunds, clock):
    historian, _key = stories.client("historian", rights=["history"])
    before = gate.clock()
    clock.forward(timedelta(days=1))
    publishing.retire_version(
        actor=Actor.of(team["approver"]), version_id=refunds.pk, why="no longer so"
    )
    now = gate.clock()
    assert ask(historian, as_of=now)["decision"] == "abstain"
    assert ask(historian, as_of=now, known_at=before)["decision"] == "answer"


def test_a_request_narrows_its_scope_and_never_widens_it(team):
    stories.published(team, title="When does my refund arrive", body=BODY, scope={"region": "uk"})
    bound, _key = stories.client("bound", scope_={"region": "eu"})
    reply = ask(bound)
    assert (reply["decision"], reply["reason"]) == ("abstain", "out_of_scope")
    with pytest.raises(Invalid):
        ask(bound, scope={"region": "uk"})


def test_the_service_asks_back_where_only_the_scope_differs(team):
    for region, days in (("uk", "five"), ("eu", "nine")):
        stories.published(
            team,
            title="When does my refund arrive",
            body=BODY.replace("five", days),
            scope={"region": region},
        )
    client, _key = stories.client()
    reply = ask(client)
    assert (reply["decision"], reply["reason"]) == ("clarify", "ambiguous")
    assert {option["scope"]["region"] for option in reply["clarify"]["options"]} == {"uk", "eu"}
    settled = ask(client, scope={"region": "EU"})
    assert "nine working days" in settled["passages"][0]["text"]


def test_card_numbers_are_redacted_before_they_are_stored(refunds):
    client, _key = stories.client()
    reply = ask(client, f"{ASKED} 4111 1111 1111 1111")
    stored = AnswerContent.objects.get(answer_id=reply["id"]).question
    assert "4111" not in stored
    assert "[card number]" in stored


def test_an_unheld_language_is_said_to_be_unsupported(refunds):
    client, _key = stories.client()
    reply = ask(client, "wie lange dauert die erstattung", language="de")
    assert (reply["decision"], reply["reason"]) == ("abstain", "unsupported_language")


LIMITS = (
    {"key": "refund.speed", "type": "duration", "value": 5, "unit": "days"},
    {"key": "agent.goodwill", "type": "money", "value": 40, "unit": "GBP"},
)
WITH_FACTS = """## How long a refund takes

A refund reaches your card within {{ fact refund.speed }} after the parcel arrives with us.

## What agents may add {audience=agent}

You may add up to {{ fact agent.goodwill }} for a refund that was late.
"""


def test_facts_that_only_an_agents_section_states_never_reach_a_public_client(team):
    stories.published(team, kind="policy", title="Refund limits", facts=LIMITS, audience="internal")
    stories.published(team, title="When does my refund arrive", body=WITH_FACTS)
    told = {}
    for audience in ("public", "agent"):
        client, _key = stories.client(audience, audience=audience)
        [first, *_] = ask(client)["passages"]
        told[audience] = {fact["key"] for fact in first["facts"]}
    assert told["public"] == {"refund.speed"}
    assert told["agent"] == {"refund.speed", "agent.goodwill"}


def test_asking_back_is_valid_until_one_of_the_choices_ends(team):
    ends = gate.clock() + timedelta(minutes=1)
    for region, until in (("uk", ends), ("eu", None)):
        stories.published(
            team,
            title="When does my refund arrive",
            body=BODY,
            scope={"region": region},
            effective_until=until,
        )
    client, _key = stories.client()
    reply = ask(client)
    assert reply["decision"] == "clarify"
    assert reply["valid_until"] == ends


def test_handing_over_is_valid_until_the_held_text_ends(team):
    ends = gate.clock() + timedelta(minutes=1)
    version = stories.published(
        team, title="When does my refund arrive", body=BODY, effective_until=ends
    )
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="version", target=str(version.pk), reason="wrong"
    )
    client, _key = stories.client()
    reply = ask(client)
    assert reply["decision"] == "escalate"
    assert reply["valid_until"] == ends


def test_the_end_of_an_agents_text_says_nothing_to_a_public_client(team):
    ends = gate.clock() + timedelta(minutes=1)
    stories.published(
        team,
        title="When does my refund arrive",
        body=BODY,
        audience="agent",
        effective_until=ends,
    )
    client, _key = stories.client()
    reply = ask(client)
    assert reply["decision"] == "abstain"
    assert reply["valid_until"] > ends


def test_a_text_for_agents_looks_to_a_public_client_as_if_it_were_not_held(team, refunds):
    client, _key = stories.client()
    asked = "verify a caller by the third letter of the word that they chose"
    before = ask(client, asked)
    stories.published(
        team,
        title="Verify a caller",
        body="Ask for the third letter of the word that they chose.",
        audience="agent",
    )
    reply = ask(client, asked)
    assert Answer.objects.get(pk=reply["id"]).reason == "out_of_audience"
    assert reply["reason"] == before["reason"] == "no_governing_article"
    own = recalling.own_answer(client=client, answer_id=reply["id"])
    assert (own["reason"], own["probability"]) == (reply["reason"], reply["probability"])


def test_scopes_of_an_agents_text_do_not_weigh_in_a_public_answer(team):
    for region in ("uk", "eu"):
        stories.published(
            team, title="When does my refund arrive", body=BODY, scope={"region": region}
        )
    client, _key = stories.client()
    asked = f"{ASKED} in bavaria"
    before = ask(client, asked)
    stories.published(
        team,
        title="When does my refund arrive",
        body=BODY,
        scope={"region": "bavaria"},
        audience="agent",
    )
    assert ask(client, asked)["decision"] == before["decision"] == "clarify"


def test_a_citation_with_letters_that_were_never_issued_is_unknown(refunds):
    [status] = citing.statuses(["k1.payload.é"])
    assert status["status"] == "unknown"
