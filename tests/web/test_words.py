"""How moments and names read on the pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from kb.actions import holding
from kb.actions.work import Actor
from kb.web import words
from tests import stories
from tests.web.visits import browser, says

NOW = datetime(2031, 3, 12, 12, 0, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("at", "reads"),
    [
        (datetime(2031, 3, 12, 9, 5, tzinfo=UTC), "today, 09:05"),
        (datetime(2031, 3, 11, 9, 5, tzinfo=UTC), "yesterday, 09:05"),
        (datetime(2031, 3, 13, 9, 5, tzinfo=UTC), "tomorrow, 09:05"),
        (datetime(2031, 3, 6, 9, 5, tzinfo=UTC), "Thursday, 09:05"),
        (datetime(2031, 3, 17, 9, 5, tzinfo=UTC), "Monday, 09:05"),
        (datetime(2031, 3, 5, 9, 5, tzinfo=UTC), "5 March 2031"),
    ],
)
def test_a_moment_reads_on_behind_since_from_and_until(monkeypatch, at, reads):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    assert words.moment(at) == reads


def test_a_date_beside_a_hold_isnt_taken_for_the_holds():
    at = datetime(2025, 12, 29, tzinfo=UTC)
    assert words.since("in_effect", starts_at=at, ends_at=None) == "since 29 December 2025"
    held = words.since("in_effect", starts_at=at, ends_at=None, out_of_service="on_hold")
    assert held == "in effect since 29 December 2025"


@pytest.mark.django_db
def test_who_placed_a_hold_is_named_on_the_article_as_in_the_list():
    people = stories.staff()
    editor = people["editor"]
    editor.first_name, editor.last_name = "Edda", "Voss"
    editor.save()
    version = stories.published(people)
    holding.place_hold(
        actor=Actor.of(editor), kind="article", target=version.article.slug, reason="may be wrong"
    )
    client = browser(people["approver"])
    for address in (reverse("holds"), reverse("article", args=[version.article.slug])):
        assert "by Edda Voss" in says(client.get(address)), address
