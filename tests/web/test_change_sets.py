"""The pages of change sets: everything that is signed is shown, and who may decide decides."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kb import gate
from kb.actions import change_set_desk, facts, visiting
from kb.actions.work import Actor
from kb.models import ChangeSet, Review
from kb.web import changes
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
        team,
        title="Sending it back",
        body="Pack it well.\n\nSend it back within {{ fact refund.window }}.\n\nKeep the receipt.",
    )


@pytest.fixture
def proposed(team, article) -> ChangeSet:
    return propose(team["editor"])


def propose(by, value=14, **given) -> ChangeSet:
    return facts.propose_fact_change(
        actor=Actor.of(by),
        key="refund.window",
        note="The board decided",
        value=value,
        unit="days",
        **given,
    )


def browser(name: str) -> Client:
    """A browser in which somebody signed in, by the page."""
    client = Client()
    answer = client.post(reverse("sign_in"), {"name": name, "password": stories.PASSWORD})
    assert answer.status_code == 302, answer.content
    return client


def text_of(answer) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def address(change_set: ChangeSet) -> str:
    return reverse("change_set", args=[change_set.pk])


def signed(change_set: ChangeSet, **given) -> dict[str, str]:
    digests = {f"digest-{one.pk}": one.digest or "" for one in change_set.versions.all()}
    return {**digests, "decision": "sign", "comment": "", **given}


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_read_all_text_see_a_set(team, proposed, role):
    stories.person(f"the {role}", role)
    answer = browser(f"the {role}").get(address(proposed))
    assert answer.status_code == (200 if role in READERS else 403)
    assert ("Sending it back" in text_of(answer)) == (role in READERS)


@pytest.mark.parametrize("role", ["editor", "agent", "auditor", "administrator"])
@pytest.mark.parametrize("decision", ["sign", "returned", "withdrawn"])
def test_nobody_but_an_approver_decides_on_anothers_set(team, proposed, role, decision):
    stories.person(f"the {role}", role)
    client = browser(f"the {role}")
    page = text_of(client.get(address(proposed)))
    assert 'name="decision"' not in page
    data = signed(proposed, decision=decision, comment="because")
    assert client.post(address(proposed), data).status_code in (403, 409)
    proposed.refresh_from_db()
    assert proposed.state == "in_review"
    assert not Review.objects.filter(version__change_set=proposed).exists()


def test_the_set_shows_old_and_new_value_every_version_its_difference_and_digest(team, proposed):
    page = text_of(browser("approver").get(address(proposed)))
    assert "<del>30 days</del> <ins>14 days</ins>" in page
    assert "The board decided" in page
    assert "1 version that states it, 1 that shows it" in page
    for version in proposed.versions.all():
        assert version.title in page
        assert version.digest in page
    assert "Send it back within <del>30</del><ins>14</ins> days." in page


def test_of_a_text_the_paragraphs_that_change_come_first_and_the_whole_is_at_hand(team, proposed):
    page = text_of(browser("approver").get(address(proposed)))
    assert ">… Send it back within <del>30</del><ins>14</ins> days. …<" in page
    assert "<summary>The whole text</summary>" in page
    assert "Pack it well. Send it back" in page


def test_the_signature_puts_all_in_force_and_the_texts_follow(team, proposed, article):
    approver = browser("approver")
    page = text_of(approver.get(address(proposed)))
    assert "I checked this against the policy and it may be served." in page
    assert 'name="password"' not in page
    answer = approver.post(address(proposed), signed(proposed, comment="Read all of it"))
    assert answer.status_code == 302
    page = text_of(approver.get(answer["Location"]))
    assert "in force, since one and the same instant" in page
    assert "There is nothing left to decide" in page
    assert "Read all of it" in page
    proposed.refresh_from_db()
    assert proposed.state == "published"
    served = Client().get(reverse("public_article", args=[article.article.slug]), follow=True)
    assert "within 14 days" in text_of(served)


def test_the_proposer_never_sees_the_sign_button_and_is_refused_anyway(team, article):
    both = stories.person("both", "editor", "approver")
    proposed = propose(both)
    client = browser("both")
    page = text_of(client.get(address(proposed)))
    assert 'value="sign"' not in page
    assert 'value="returned"' not in page
    assert "Waits for a second person: you proposed it" in page
    answer = client.post(address(proposed), signed(proposed))
    assert answer.status_code == 409
    assert "somebody else has to approve it" in text_of(answer)
    proposed.refresh_from_db()
    assert proposed.state == "in_review"


def test_an_older_sign_in_asks_for_the_password_and_a_wrong_one_signs_nothing(
    team, proposed, clock
):
    approver = browser("approver")
    clock.forward(timedelta(minutes=6))
    assert 'name="password"' in text_of(approver.get(address(proposed)))
    without = approver.post(address(proposed), signed(proposed, comment="Kept as typed"))
    assert without.status_code == 409
    assert 'id="id_password_error"' in text_of(without)
    assert "Kept as typed" in text_of(without)
    wrong = approver.post(address(proposed), signed(proposed, password="not it"))
    assert "That isn't your password." in text_of(wrong)
    assert not Review.objects.filter(version__change_set=proposed).exists()
    right = approver.post(address(proposed), signed(proposed, password=stories.PASSWORD))
    assert right.status_code == 302
    proposed.refresh_from_db()
    assert proposed.state == "published"


def test_a_digest_that_isnt_the_one_shown_signs_nothing(team, proposed):
    version = proposed.versions.first()
    data = signed(proposed, **{f"digest-{version.pk}": "0" * 64})
    answer = browser("approver").post(address(proposed), data)
    assert answer.status_code == 409
    assert "no longer the one you were shown" in text_of(answer)
    assert not Review.objects.filter(version__change_set=proposed).exists()


def test_a_set_is_signed_whole_or_not_at_all(team, proposed):
    data = signed(proposed)
    data.pop(f"digest-{proposed.versions.first().pk}")
    answer = browser("approver").post(address(proposed), data)
    assert answer.status_code == 409
    assert "doesn't hold the versions you were shown" in text_of(answer)
    assert not Review.objects.filter(version__change_set=proposed).exists()


def test_high_risk_takes_two_signatures_by_two_people(team, policy):
    stories.approve(
        stories.published(team, risk="high", body="Within {{ fact refund.window }}."),
        team["second_approver"],
    )
    proposed = propose(team["editor"])
    first, second = browser("approver"), browser("second_approver")
    assert "Yours alone doesn't put it in force" in text_of(first.get(address(proposed)))
    first.post(address(proposed), signed(proposed))
    page = text_of(first.get(address(proposed)))
    assert "You have signed it. It needs 2 signatures and has 1" in page
    assert 'value="sign"' not in page
    assert "1 of 2 signatures" in text_of(second.get("/change-sets/"))
    second.post(address(proposed), signed(proposed))
    proposed.refresh_from_db()
    assert proposed.state == "published"


def test_an_approver_returns_it_with_words_that_stay_with_it(team, proposed):
    approver = browser("approver")
    empty = approver.post(address(proposed), {"decision": "returned", "comment": " "})
    assert empty.status_code == 409
    assert 'id="id_comment_error"' in text_of(empty)
    answer = approver.post(
        address(proposed), {"decision": "returned", "comment": "Wait for the lawyers"}
    )
    assert answer.status_code == 302
    page = text_of(browser("editor").get(address(proposed)))
    assert "Wait for the lawyers" in page
    assert "Returned" in page
    assert 'name="decision"' not in page


def test_the_proposer_withdraws_it_with_a_word_on_why(team, proposed):
    editor = browser("editor")
    page = text_of(editor.get(address(proposed)))
    assert 'value="withdrawn"' in page
    editor.post(address(proposed), {"decision": "withdrawn", "comment": "It was a mistake"})
    page = text_of(editor.get(address(proposed)))
    assert "It was a mistake" in page
    assert '<span class="state faded">Withdrawn</span>' in page


def test_a_decision_on_a_decided_set_changes_nothing(team, proposed):
    approver = browser("approver")
    approver.post(address(proposed), signed(proposed))
    answer = approver.post(address(proposed), {"decision": "returned", "comment": "Too late"})
    assert answer.status_code == 409
    assert "published already" in text_of(answer)


def test_a_text_published_meanwhile_is_named_and_signing_is_not_offered(team, proposed):
    stories.published(team, title="A newcomer", body="Within {{ fact refund.window }}.")
    approver = browser("approver")
    page = text_of(approver.get(address(proposed)))
    assert "The library has moved on" in page
    assert "isn't in the set: <a" in page
    assert "A newcomer" in page
    assert 'value="sign"' not in page
    assert 'value="withdrawn"' in page
    answer = approver.post(address(proposed), signed(proposed))
    assert answer.status_code == 409
    assert "Withdraw the set and propose the change again" in text_of(answer)


def test_of_two_changes_the_loser_is_told_kindly_and_nothing_is_half_done(team, proposed):
    other = propose(team["editor"], value=21)
    approver = browser("approver")
    data = signed(other)
    approver.post(address(proposed), signed(proposed))
    answer = approver.post(address(other), data)
    assert answer.status_code == 409
    page = text_of(answer)
    assert "The library has moved on" in page
    assert "shows another value now: <a" in page
    assert set(other.versions.values_list("state", flat=True)) == {"in_review"}


def test_a_scheduled_change_says_its_instant_and_is_dashed_until_then(team, article, clock):
    at = gate.clock() + timedelta(days=9)
    proposed = propose(team["editor"], effective_at=at)
    approver = browser("approver")
    approver.post(address(proposed), signed(proposed))
    page = text_of(approver.get(address(proposed)))
    assert '<span class="state dashed">Scheduled</span>' in page
    assert '<span class="state dashed">Scheduled</span>' in text_of(approver.get("/change-sets/"))
    clock.forward(timedelta(days=10))
    page = text_of(browser("approver").get(address(proposed)))
    assert '<span class="state solid">In force</span>' in page


def test_an_approver_of_another_group_is_told_whose_it_is(team, proposed):
    stories.people.create_owner_group(actor=Actor.system("test"), name="Elsewhere")
    stories.person("stranger", "approver", group="Elsewhere")
    client = browser("stranger")
    page = text_of(client.get(address(proposed)))
    assert 'value="sign"' not in page
    assert f"It holds articles of {stories.GROUP}" in page
    assert client.post(address(proposed), signed(proposed)).status_code == 409
    assert not Review.objects.filter(version__change_set=proposed).exists()


def test_the_list_shows_those_in_review_and_those_decided(team, proposed):
    approver = browser("approver")
    page = text_of(approver.get("/change-sets/"))
    assert "refund.window: 30 days → 14 days" in page
    assert "2 versions" in page
    assert "you proposed it" in text_of(browser("editor").get("/change-sets/"))
    approver.post(address(proposed), signed(proposed))
    page = text_of(approver.get("/change-sets/"))
    assert "No change waits for a signature" in page
    assert '<span class="state solid">In force</span>' in page


def test_what_waits_is_counted_for_those_who_can_sign(team, proposed):
    def waits(name: str) -> int:
        return change_set_desk.waiting(visiting.visitor(team[name]))

    assert (waits("editor"), waits("approver")) == (0, 1)
    browser("approver").post(address(proposed), signed(proposed))
    assert waits("approver") == 0


def test_an_unknown_set_is_not_found(team):
    approver = browser("approver")
    assert approver.get("/change-sets/999999/").status_code == 404
    data = {"decision": "returned", "comment": "x"}
    assert approver.post("/change-sets/999999/", data).status_code == 404


def test_the_page_of_a_set_takes_the_same_queries_whatever_its_size(team, article):
    approver = browser("approver")
    few = queries(approver, address(propose(team["editor"])))
    for _ in range(5):
        stories.published(team, body="Within {{ fact refund.window }}.")
    assert queries(approver, address(propose(team["editor"], value=21))) == few
    assert few <= 20


def test_the_list_takes_the_same_queries_whatever_its_length(team, proposed):
    approver = browser("approver")
    few = queries(approver, "/change-sets/")
    propose(team["editor"], value=21)
    propose(team["editor"], value=28)
    assert queries(approver, "/change-sets/") == few
    assert few <= 12


def queries(client: Client, where: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(where).status_code == 200
    return len(caught)


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        ("one\n\n<del>a</del><ins>b</ins>\n\nthree", "…\n<del>a</del><ins>b</ins>\n…"),
        ("<del>a\n\nb</del>\n\nc", ""),
        ("<ins>only</ins>", ""),
        ("a\n\nb\n\n<ins>c</ins>", "…\n<ins>c</ins>"),
        ("a\n\n<ins>c</ins>\n\n<ins>d</ins>\n\ne", "…\n<ins>c</ins>\n\n<ins>d</ins>\n…"),
        ("nothing\n\nchanges", ""),
    ],
)
def test_an_excerpt_keeps_whole_paragraphs_that_change(body, excerpt):
    assert changes.excerpt(body) == excerpt
