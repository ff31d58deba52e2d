"""Deciding on the pages: somebody else signs what is shown, freshly authenticated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from kb import gate
from kb.actions import publishing
from kb.actions.work import Actor
from kb.models import Review
from tests import stories
from tests.web.visits import browser, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return stories.staff()


@pytest.fixture
def waiting(team):
    return stories.submit(
        stories.draft(team["editor"], title="Parcels", body="They come on Monday."), team["editor"]
    )


def place(version) -> str:
    return reverse("review", args=[version.pk])


def signed(client, version, **given):
    return client.post(
        place(version),
        {"digest": version.digest, "decision": "approve", "comment": "", "password": "", **given},
    )


def grown_old(client, minutes: int) -> None:
    """Let the browser's sign-in be `minutes` old."""
    session = client.session
    session["authenticated_at"] = (gate.clock() - timedelta(minutes=minutes)).isoformat()
    session.save()


def test_an_approver_signs_what_they_were_shown_and_it_governs(team, waiting):
    client = browser(team["approver"])
    page = client.get(place(waiting))
    assert waiting.digest in page.content.decode()
    assert "I checked this against the policy and it may be served." in says(page)
    assert "Your password" not in says(page)
    answer = signed(client, waiting, comment="Fine.")
    waiting.refresh_from_db()
    assert waiting.state == "published"
    assert answer["Location"] == reverse("numbered_version", args=[waiting.article.slug, 1])
    review = Review.objects.get()
    assert (review.authenticated_by, review.comment) == ("password", "Fine.")
    assert "In effect" in says(client.get(answer["Location"]))


def test_an_author_never_sees_approve_on_their_own_work_and_the_server_refuses_anyway(team):
    author = stories.person("both", "editor", "approver")
    version = stories.submit(stories.draft(author), author)
    client = browser(author)
    page = client.get(place(version))
    assert "Waits for a second person: you wrote part of it" in says(page)
    assert 'value="approve"' not in page.content.decode()
    answer = signed(client, version)
    assert answer.status_code == 409
    assert "somebody else has to approve it" in says(answer)
    version.refresh_from_db()
    assert version.state == "in_review"


def test_a_signature_asks_for_the_password_once_the_sign_in_is_older_than_five_minutes(
    team, waiting
):
    client = browser(team["approver"])
    grown_old(client, 6)
    assert "Your password" in says(client.get(place(waiting)))
    refused = signed(client, waiting, comment="Kept comment")
    assert refused.status_code == 409
    assert "at most five minutes old" in says(refused)
    assert "Kept comment" in refused.content.decode()
    wrong = signed(client, waiting, password="wrong")
    assert "That isn't your password." in says(wrong)
    waiting.refresh_from_db()
    assert waiting.state == "in_review"
    key = client.session.session_key
    assert signed(client, waiting, password=stories.PASSWORD).status_code == 302
    assert client.session.session_key != key
    waiting.refresh_from_db()
    assert waiting.state == "published"


def test_a_sign_in_of_four_minutes_is_fresh_enough(team, waiting):
    client = browser(team["approver"])
    grown_old(client, 4)
    assert signed(client, waiting).status_code == 302


def test_wrong_passwords_at_the_signature_count_as_wrong_sign_ins(team, waiting):
    client = browser(team["approver"])
    grown_old(client, 6)
    for _ in range(10):
        answer = signed(client, waiting, password="wrong")
    assert "no further one is looked at" in says(answer)
    assert signed(client, waiting, password=stories.PASSWORD).status_code == 409


def test_a_digest_that_isnt_the_one_shown_is_refused_with_the_comment_kept(team, waiting):
    client = browser(team["approver"])
    answer = signed(client, waiting, digest="0" * 64, comment="I liked the old one")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "It changed while you looked." in says(answer)
    assert "I liked the old one" in page
    assert f'name="digest" value="{waiting.digest}"' in page
    assert not Review.objects.exists()


def test_returning_needs_words_and_the_author_finds_them_at_home(team, waiting):
    client = browser(team["approver"])
    empty = signed(client, waiting, decision="return")
    assert "the author reads only this" in says(empty)
    signed(client, waiting, decision="return", comment="Say which Monday.")
    waiting.refresh_from_db()
    assert waiting.state == "returned"
    home = says(browser(team["editor"]).get(reverse("home")))
    assert "Returned to you Parcels" in home
    assert "Say which Monday." in home


def test_a_decision_that_is_neither_is_no_decision(team, waiting):
    answer = signed(browser(team["approver"]), waiting, decision="")
    assert answer.status_code == 409
    waiting.refresh_from_db()
    assert waiting.state == "in_review"


def test_high_risk_waits_for_a_second_signature_and_says_so(team):
    version = stories.submit(stories.draft(team["editor"], risk="high"), team["editor"])
    client = browser(team["approver"])
    assert "0 of 2 signatures" in says(client.get(place(version)))
    signed(client, version)
    page = client.get(place(version))
    assert "the next is another person's" in says(page)
    assert 'value="approve"' not in page.content.decode()
    signed(browser(team["second_approver"]), version)
    version.refresh_from_db()
    assert version.state == "published"


def test_the_review_shows_what_changes_word_by_word_and_facts_as_resolved(team):
    facts = ({"key": "refund.window", "type": "duration", "value": "30 days"},)
    first = stories.published(
        team, kind="policy", body="Within {{ fact refund.window }}, on Monday.", facts=facts
    )
    second = stories.successor(
        team, first, body="Within {{ fact refund.window }}, on Friday.", audience="internal"
    )
    page = browser(team["approver"]).get(place(second))
    html = page.content.decode()
    assert "<del>Monday</del><ins>Friday</ins>" in html
    assert "<del>public</del>" in html
    assert "<ins>internal</ins>" in html
    assert "Within 30 days, on Friday." in says(page)
    assert "refund.window 30 days" in says(page)


def test_the_queue_puts_high_risk_first_and_names_what_is_mine(team):
    stories.submit(stories.draft(team["editor"], title="Normal one"), team["editor"])
    stories.submit(stories.draft(team["editor"], title="Risky one", risk="high"), team["editor"])
    mine = stories.draft(team["approver"], title="My own")
    stories.submit(mine, team["approver"])
    client = browser(team["approver"])
    page = says(client.get(reverse("review_queue")))
    assert page.index("Risky one") < page.index("Normal one") < page.index("My own")
    assert "Waits for a second person: you wrote part of it" in page
    assert "Review 2 waiting for you" in says(client.get(reverse("home")))


def test_retiring_says_what_it_costs_and_keeps_the_reason(team):
    version = stories.published(team)
    client = browser(team["approver"])
    where = reverse("retire", args=[version.pk])
    assert "0 answers in the last seven days rested on it" in says(client.get(where))
    assert client.post(where, {"why": ""}).status_code == 409
    client.post(where, {"why": "The shop closed"})
    version.refresh_from_db()
    assert version.state == "retired"
    page = says(client.get(reverse("article", args=[version.article.slug])))
    assert "Nothing of this article governs now" in page
    again = client.post(where, {"why": "again"})
    assert again.status_code == 409
    assert "can't be retired" in says(again)


def test_verifying_starts_the_review_clock_anew(team, clock):
    version = stories.published(team, review_every_days=10)
    clock.forward(timedelta(days=45))
    client = browser(team["approver"])
    page = says(client.get(reverse("article", args=[version.article.slug])))
    assert "Review overdue" in page
    client.post(reverse("verify", args=[version.pk]), {"note": "read it"})
    page = says(client.get(reverse("article", args=[version.article.slug])))
    assert "Review overdue" not in page


def test_a_version_decided_meanwhile_leads_to_what_became_of_it(team, waiting):
    stories.approve(waiting, team["second_approver"])
    client = browser(team["approver"])
    assert client.get(place(waiting)).status_code == 302
    answer = signed(client, waiting)
    assert answer.status_code == 409
    assert "can't be published" in says(answer) or "already" in says(answer)


def test_retiring_a_scheduled_version_gives_the_page_its_predecessor_back(team):
    first = stories.published(team, body="Old words.")
    later = gate.clock() + timedelta(days=3)
    second = stories.approve(
        stories.successor(team, first, body="New words.", effective_from=later), team["approver"]
    )
    publishing.retire_version(
        actor=Actor.of(team["approver"]), version_id=second.pk, why="not after all"
    )
    page = says(browser(team["editor"]).get(reverse("article", args=[first.article.slug])))
    assert "Old words." in page
