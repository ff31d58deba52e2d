"""The pages of facts: what governs, who states and shows it, and proposing another value."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kb import gate
from kb.actions import facts, holding
from kb.actions.work import Actor
from kb.models import ChangeSet, FactRevision
from tests import stories

pytestmark = pytest.mark.django_db

WINDOW = {"key": "refund.window", "type": "duration", "value": 30, "unit": "days"}
ROLES = ("editor", "approver", "agent", "auditor", "administrator")
READERS = {"editor", "approver", "auditor"}


@pytest.fixture
def team():
    return stories.staff()


@pytest.fixture
def policy(team):
    return stories.published(
        team,
        kind="policy",
        title="Refund policy",
        body="Refunds are made within {{ fact refund.window }} of delivery.",
        facts=(WINDOW,),
    )


@pytest.fixture
def article(team, policy):
    return stories.published(
        team, title="Sending it back", body="Send it back within {{ fact refund.window }}."
    )


def browser(name: str) -> Client:
    """A browser in which somebody signed in, by the page."""
    client = Client()
    answer = client.post(
        reverse("sign_in"), {"name": name, "password": stories.PASSWORD}, follow=False
    )
    assert answer.status_code == 302, answer.content
    return client


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def proposal(**given) -> dict[str, str]:
    revision = FactRevision.objects.get(fact__key=given.pop("key", "refund.window"))
    return {
        "change": str(revision.pk),
        "comparator": "eq",
        "value": "14",
        "unit": "day",
        "effective_at": "",
        "note": "The board decided",
        **given,
    }


FACT = "/facts/refund.window/"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", ["/facts/", FACT, "/change-sets/"])
def test_only_those_who_read_all_text_see_facts(team, article, role, address):
    stories.person(f"the {role}", role)
    answer = browser(f"the {role}").get(address)
    assert answer.status_code == (200 if role in READERS else 403)
    assert ("30 days" in text_of(answer)) == (role in READERS and "change" not in address)


def test_nobody_sees_facts_without_signing_in(article):
    answer = Client().get("/facts/")
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign_in"))


def test_the_list_says_what_governs_who_states_it_and_how_many_texts_show_it(team, article):
    page = text_of(browser("editor").get("/facts/"))
    assert "refund.<wbr>window" in page
    assert "duration" in page
    assert "<strong>30 days</strong>" in page
    assert "Refund policy" in page
    assert "1&nbsp;text<" in page


def test_the_list_is_narrowed_by_words_and_paged_by_key(team):
    many = [{**WINDOW, "key": f"window.number_{number:03}"} for number in range(60)]
    stories.published(team, kind="policy", body="They are many.", facts=tuple(many))
    editor = browser("editor")
    first = text_of(editor.get("/facts/"))
    assert "60 facts." in first
    assert "/facts/window.number_049/" in first
    assert "/facts/window.number_050/" not in first
    second = text_of(editor.get("/facts/?after=window.number_049"))
    assert "/facts/window.number_059/" in second
    assert "/facts/window.number_049/" not in second
    assert "1 fact matches." in text_of(editor.get("/facts/?q=window+_007"))
    assert "No fact matches" in text_of(editor.get("/facts/?q=nothing+such"))


def test_a_first_visit_teaches_what_a_fact_is(team):
    page = text_of(browser("editor").get("/facts/"))
    assert "No policy states a fact yet" in page
    assert "{{ fact refund.window }}" in page


def test_the_list_takes_the_same_queries_whatever_its_length(team, article):
    editor = browser("editor")
    few = queries(editor, "/facts/")
    more = [{**WINDOW, "key": f"other.number_{number}"} for number in range(20)]
    stories.published(team, kind="policy", body="They are many.", facts=tuple(more))
    assert queries(editor, "/facts/") == few
    assert few <= 12


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


def test_a_fact_shows_its_texts_and_its_values_over_time(team, article):
    editor = browser("editor")
    page = text_of(editor.get(FACT))
    assert "Sending it back" in page
    assert "{{ fact refund.window }}" in page
    assert "shown by 1 other text" in page
    assert '<svg class="strata"' in page
    change(team, 14)
    page = text_of(editor.get(FACT))
    assert "<strong>14 days</strong>" in page
    assert "<strong>30 days</strong>" in page
    assert "14 days governs from" in page
    assert "30 days governed from" in page


def change(team, value, **given) -> ChangeSet:
    proposed = facts.propose_fact_change(
        actor=Actor.of(team["editor"]),
        key="refund.window",
        note="The board decided",
        value=value,
        unit="days",
        **given,
    )
    digests = {one.pk: one.digest or "" for one in proposed.versions.all()}
    return facts.approve_change_set(
        actor=Actor.of(team["approver"]),
        change_set_id=proposed.pk,
        digests=digests,
        signature=stories.fresh(),
    )


def test_a_value_that_is_stated_again_by_the_next_version_is_one_stretch(team, policy):
    new = stories.successor(team, policy, body="Now: {{ fact refund.window }} from delivery.")
    stories.approve(new, team["approver"])
    page = text_of(browser("editor").get(FACT))
    assert page.count("<strong>30 days</strong>") == 1
    assert ">version 1</a>, <a" in page
    assert "/versions/2/" in page


def test_a_scheduled_value_reads_as_scheduled(team, article):
    change(team, 14, effective_at=gate.clock() + timedelta(days=20))
    page = text_of(browser("editor").get(FACT))
    assert '<span class="state dashed">Scheduled</span>' in page
    assert "scheduled, from" in text_of(browser("editor").get("/facts/"))


def test_a_held_fact_says_so(team, article):
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="fact", target="refund.window", reason="Under dispute"
    )
    editor = browser("editor")
    assert "Under dispute" in text_of(editor.get(FACT))
    assert "On hold" in text_of(editor.get("/facts/"))


def test_a_fact_whose_policy_ended_says_that_nothing_governs(team, clock):
    stories.published(
        team,
        kind="policy",
        body="For a while.",
        facts=(WINDOW,),
        effective_until=gate.clock() + timedelta(days=1),
    )
    clock.forward(timedelta(days=2))
    editor = browser("editor")
    assert "no value governs now" in text_of(editor.get("/facts/"))
    assert "No policy in force states it" in text_of(editor.get(FACT))


def test_an_unknown_fact_is_not_found(team):
    answer = browser("editor").get("/facts/no.such/")
    assert answer.status_code == 404
    assert "There is no such fact" in text_of(answer)


def test_an_editor_proposes_another_value_and_is_led_to_the_set(team, article):
    editor = browser("editor")
    page = text_of(editor.get(FACT, {"change": proposal()["change"]}))
    assert "replaces 1 version that states it and 1 that shows it" in page
    assert 'value="30"' in page
    answer = editor.post(FACT, proposal())
    [proposed] = ChangeSet.objects.all()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("change_set", args=[proposed.pk])
    assert proposed.effective_at is None
    assert proposed.versions.count() == 2
    assert "Another value is in review" in text_of(editor.get(FACT))
    assert "A change is in review" in text_of(editor.get("/facts/"))


def test_an_instant_is_read_in_the_zone_of_the_page(team, article):
    at = (gate.clock() + timedelta(days=9)).replace(microsecond=0)
    browser("editor").post(FACT, proposal(effective_at=at.strftime("%Y-%m-%dT%H:%M:%S")))
    assert ChangeSet.objects.get().effective_at == at


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"value": "soon"}, "value", "a number"),
        ({"unit": "moons"}, "unit", "a valid choice"),
        ({"value": "2 weeks"}, "unit", "write it once"),
        ({"value": "30"}, "value", "30 days already"),
        ({"note": " "}, "note", "Say why the value changes"),
        ({"effective_at": "2020-01-01T00:00"}, "effective_at", "lies in the past"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    team, article, wrong, field, words
):
    answer = browser("editor").post(FACT, proposal(note="Kept as typed") | wrong)
    assert answer.status_code == 422
    page = text_of(answer)
    assert f'id="id_{field}_error"' in page
    assert words in page
    assert not ChangeSet.objects.exists()
    if field != "note":
        assert "Kept as typed" in page


@pytest.mark.parametrize("role", ["auditor"])
def test_who_doesnt_write_is_not_offered_to_propose_and_is_refused(team, article, role):
    stories.person(f"the {role}", role)
    client = browser(f"the {role}")
    page = text_of(client.get(FACT))
    assert "?change=" not in page
    answer = client.post(FACT, proposal())
    assert answer.status_code == 422
    assert "role editor" in text_of(answer)
    assert not ChangeSet.objects.exists()


def test_a_yes_or_no_is_chosen_and_has_no_unit(team):
    fact = {"key": "gift.wrap", "type": "boolean", "value": True}
    stories.published(team, kind="policy", body="We wrap.", facts=(fact,))
    editor = browser("editor")
    change_id = proposal(key="gift.wrap")["change"]
    page = text_of(editor.get("/facts/gift.wrap/", {"change": change_id}))
    assert '<select name="value"' in page
    assert 'name="unit"' not in page
    assert 'name="comparator"' not in page
    answer = editor.post(
        "/facts/gift.wrap/", {"change": change_id, "value": "false", "note": "No more"}
    )
    assert answer.status_code == 302


def test_a_value_that_stopped_governing_meanwhile_is_not_found_kindly(team, article):
    given = proposal()
    change(team, 14)
    answer = browser("editor").post(FACT, given)
    assert answer.status_code == 404
    assert "govern any more" in text_of(answer)


def test_of_default_and_exception_each_is_changed_by_itself(team, article):
    eu = {**WINDOW, "value": 14, "scope": {"region": "EU"}}
    stories.published(team, kind="policy", title="EU rule", body="In the EU.", facts=(eu,))
    editor = browser("editor")
    page = text_of(editor.get(FACT))
    assert "region = eu" in page
    assert page.count("?change=") == 2
    exception = FactRevision.objects.exclude(scope={}).get()
    data = proposal_of(exception, value="21")
    assert editor.post(FACT, data).status_code == 302
    [proposed] = ChangeSet.objects.all()
    assert [one.title for one in proposed.versions.all()] == ["EU rule"]


def proposal_of(revision: FactRevision, **given) -> dict[str, str]:
    return {"change": str(revision.pk), "unit": "day", "note": "Changed", **given}


def test_the_page_of_a_fact_takes_the_same_queries_however_many_texts_show_it(team, article):
    editor = browser("editor")
    few = queries(editor, FACT)
    for _ in range(4):
        stories.published(team, body="Within {{ fact refund.window }}.")
    assert queries(editor, FACT) == few
    assert few <= 13
