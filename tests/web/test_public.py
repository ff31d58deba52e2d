"""What a citation leads to: the version while it governs, its absence afterwards, never more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kb import gate
from kb.actions import holding, publishing
from kb.actions.work import Actor
from tests import stories
from tests.web.visits import says

pytestmark = pytest.mark.django_db

BODY = """## For everybody

It comes on Monday.

## Say only this {audience=agent}

Ask for the order number.
"""


@pytest.fixture
def team():
    return stories.staff()


def address(version) -> str:
    return f"/a/{version.article.slug}/v/{version.number}"


def seen(version, **headers: str):
    return Client().get(address(version), headers=headers)


def test_everybody_reads_the_public_parts_of_a_version_that_governs(team):
    version = stories.published(team, title="Parcels & post", body=BODY)
    page = seen(version)
    assert page.status_code == 200
    assert "It comes on Monday." in says(page)
    assert "Parcels & post" in says(page)
    assert "Ask for the order number." not in page.content.decode()
    assert "Say only this" not in page.content.decode()


def test_a_version_that_was_replaced_shows_no_text_and_a_link_to_what_holds_now(team):
    first = stories.published(team, title="Old title", body="It comes on Monday.")
    second = stories.approve(
        stories.successor(team, first, title="New title", body="It comes on Friday."),
        team["approver"],
    )
    page = seen(first)
    assert page.status_code == 200
    assert "No longer in force" in says(page)
    assert "Monday" not in page.content.decode()
    assert "Old title" not in page.content.decode()
    assert f'href="{address(second)}"' in page.content.decode()
    assert "New title" in says(page)


def test_what_ended_with_nothing_to_follow_says_so(team, clock):
    retired = stories.published(team, body="It comes on Monday.")
    publishing.retire_version(actor=Actor.of(team["approver"]), version_id=retired.pk, why="wrong")
    assert "Nothing has replaced it" in says(seen(retired))
    expiring = stories.published(team, effective_until=gate.clock() + timedelta(days=1))
    clock.forward(timedelta(days=2))
    assert "No longer in force" in says(seen(expiring))


def test_what_is_on_hold_is_said_to_be_unavailable_without_its_text(team):
    version = stories.published(team, title="Parcels", body="It comes on Monday.")
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="article", target=version.article.slug, reason="?"
    )
    page = seen(version)
    assert "Not available right now" in says(page)
    assert "Monday" not in page.content.decode()
    assert "Parcels" not in page.content.decode()


def test_a_hold_is_seen_at_the_next_request_even_by_who_kept_the_page(team):
    version = stories.published(team)
    page = seen(version)
    again = seen(version, **{"If-None-Match": page["ETag"]})
    assert again.status_code == 304
    assert "max-age=0" in again["Cache-Control"]
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="article", target=version.article.slug, reason="?"
    )
    assert seen(version, **{"If-None-Match": page["ETag"]}).status_code == 200


@pytest.mark.parametrize("audience", ["agent", "internal"])
def test_what_was_never_public_isnt_there(team, audience: str):
    first = stories.published(team, audience=audience, body="It comes on Monday.")
    stories.approve(stories.successor(team, first, body="Friday."), team["approver"])
    assert seen(first).status_code == 404
    assert Client().get(f"/a/{first.article.slug}").status_code == 404


def test_whoever_kept_the_page_is_told_of_an_end_that_was_set_since(team):
    version = stories.published(team, title="Parcels")
    page = seen(version)
    begins = gate.clock() + timedelta(days=3)
    stories.approve(stories.successor(team, version, effective_from=begins), team["approver"])
    assert seen(version, **{"If-None-Match": page["ETag"]}).status_code == 200


def test_what_isnt_published_or_hasnt_begun_isnt_there(team):
    waiting = stories.submit(stories.draft(team["editor"]), team["editor"])
    scheduled = stories.published(team, effective_from=gate.clock() + timedelta(days=3))
    assert seen(waiting).status_code == 404
    assert seen(scheduled).status_code == 404
    assert Client().get("/a/nothing/v/1").status_code == 404
    assert Client().get(f"/a/{scheduled.article.slug}/v/{'9' * 40}").status_code == 404


def test_a_successor_for_agents_alone_isnt_named_to_the_public(team):
    first = stories.published(team)
    stories.approve(
        stories.successor(team, first, title="Secret title", audience="agent"), team["approver"]
    )
    page = seen(first)
    assert "Nothing has replaced it" in says(page)
    assert "Secret title" not in page.content.decode()


def test_an_articles_address_leads_to_what_governs_in_the_readers_language(team):
    english = stories.published(team, language="en")
    slug = english.article.slug
    assert Client().get(f"/a/{slug}")["Location"] == address(english)
    answer = Client().get(f"/a/{slug}", headers={"Accept-Language": "de-DE, en;q=0.5"})
    assert answer["Location"] == address(english)
    assert "Accept-Language" in answer["Vary"]


def test_the_page_keeps_no_session_and_asks_little(team):
    version = stories.published(team)
    client, place = Client(), address(version)
    with CaptureQueriesContext(connection) as caught:
        page = client.get(place)
    assert len(caught) == 1
    assert not page.cookies
    assert "Cookie" not in page.get("Vary", "")


def test_the_address_is_the_contracts(team):
    version = stories.published(team)
    place = reverse("public_version", args=[version.article.slug, version.number])
    assert place == address(version)
