"""Holds on the pages: whoever writes places one, an approver who didn't write the fix lifts it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from kb.models import Hold
from tests import stories
from tests.web.visits import browser, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return stories.staff()


def place(client, kind: str, target: str, reason: str = "may be wrong"):
    return client.post(reverse("place_hold"), {"kind": kind, "target": target, "reason": reason})


def test_a_hold_is_placed_from_an_article_and_seen_wherever_it_matters(team):
    version = stories.published(team, title="Parcels")
    client = browser(team["editor"])
    page = client.get(reverse("article", args=[version.article.slug])).content.decode()
    assert f"{reverse('place_hold')}?kind=article&amp;target={version.article.slug}" in page
    place(client, "article", version.article.slug)
    for address in (
        reverse("holds"),
        reverse("home"),
        reverse("article", args=[version.article.slug]),
        reverse("library"),
    ):
        assert "On hold" in says(client.get(address)), address
    assert "Parcels" in says(client.get(reverse("holds")))


def test_a_passage_and_a_version_can_be_held_by_themselves(team):
    version = stories.published(team, title="Parcels")
    client = browser(team["editor"])
    place(client, "passage", version.passages.get().digest)
    place(client, "version", f"{version.article.slug}:1")
    page = says(client.get(reverse("holds")))
    assert "Parcels › When it comes" in page
    assert "Parcels, version 1" in page
    article = says(client.get(reverse("article", args=[version.article.slug])))
    assert "On hold: this passage isn't served" in article


def test_what_isnt_there_cant_be_held_and_the_words_are_kept(team):
    client = browser(team["editor"])
    answer = place(client, "article", "nothing", reason="I am sure")
    assert answer.status_code == 422
    assert "There is no such article" in says(answer)
    assert "I am sure" in answer.content.decode()
    assert "What" in says(place(client, "nonsense", "nothing"))
    assert not Hold.objects.exists()


def test_lifting_needs_a_reason_and_somebody_who_didnt_write_the_fix(team):
    fixer = stories.person("fixer", "editor", "approver")
    version = stories.published(team, title="Parcels")
    place(browser(team["editor"]), "article", version.article.slug)
    hold = Hold.objects.get()
    stories.approve(stories.successor({**team, "editor": fixer}, version), team["approver"])
    lift = reverse("lift_hold", args=[hold.pk])
    refused = browser(fixer).post(lift, {"reason": "mended"})
    assert refused.status_code == 409
    assert "another approver lifts it" in says(refused)
    client = browser(team["approver"])
    assert client.post(lift, {"reason": " "}).status_code == 409
    assert client.post(lift, {"reason": "checked with the carrier"}).status_code == 302
    page = says(client.get(reverse("holds"), {"lifted": "1"}))
    assert "lifted by approver" in page
    assert "checked with the carrier" in page
    again = client.post(lift, {"reason": "twice"})
    assert "has been lifted already" in says(again)


def test_the_list_of_holds_is_paged(team):
    client = browser(team["editor"])
    slug = stories.published(team).article.slug
    for _ in range(52):
        place(client, "article", slug)
    first = client.get(reverse("holds"))
    assert len(first.context["holds"]) == 50
    second = client.get(reverse("holds"), {"before": first.context["next"]})
    assert len(second.context["holds"]) == 2
    assert client.get(reverse("holds"), {"before": "x'"}).status_code == 200


def test_no_hold_is_no_page(team):
    assert browser(team["approver"]).get(reverse("lift_hold", args=[99])).status_code == 404
