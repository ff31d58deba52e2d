"""Indexes follow the database, and come back whatever happens to their files."""

from __future__ import annotations

import pytest

from kb.search import keeper, retrieval
from tests import stories

pytestmark = pytest.mark.django_db


def found(query: str, **given) -> list[int]:
    """The articles proposed for a question, best first."""
    proposal = retrieval.candidates(query=query, language="en", limit=10, **given)
    return [candidate.article_id for candidate in proposal.candidates]


@pytest.fixture
def team(home):
    return stories.staff()


def test_an_article_is_found_as_soon_as_it_is_published(team):
    assert found("zebra stripes") == []
    version = stories.published(team, title="Zebra stripes", body="A zebra has stripes.")
    assert found("zebra stripes") == [version.article_id]


def test_one_more(team):
    assert found("zebra stripes") == []
    version = stories.published(team, title="Zebra stripes", body="A zebra has stripes.")
    assert found("zebra stripes") == [version.article_id]
    other = stories.published(team, title="Lion", body="A lion has no zebra.")
    assert found("zebra stripes") == [version.article_id, other.article_id]
    assert len(keeper.current().parts) > 1
