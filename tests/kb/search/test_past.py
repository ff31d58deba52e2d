"""PostgreSQL's own search proposes from all that was ever in force, or from what still is."""

from __future__ import annotations

import pytest

from kb.search import past
from tests import stories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(home):
    return stories.staff()


def versions(query: str, **given) -> set[int]:
    """The articles that were proposed."""
    asked = {"language": "en", "limit": 10, "still_in_force": False, **given}
    return {one.passage_id for one in past.propose(query, **asked).candidates}


def ids(version) -> set[int]:
    return set(version.passages.values_list("pk", flat=True))


def test_superseded_text_is_proposed_for_the_past_and_not_as_a_stand_in(team):
    old = stories.published(team, title="Zebra", body="A zebra costs ten pounds.")
    new = stories.approve(
        stories.successor(team, old, body="A zebra costs twelve pounds."), team["approver"]
    )
    assert versions("zebra pounds") == ids(old) | ids(new)
    assert versions("zebra pounds", still_in_force=True) == ids(new)


def test_what_was_never_in_force_is_never_proposed(team):
    stories.submit(stories.draft(team["editor"], title="Zebra"), team["editor"])
    assert versions("zebra") == set()


def test_a_word_of_the_title_is_enough(team):
    version = stories.published(team, title="Zebras", body="They run.")
    assert versions("zebra") == ids(version)


def test_other_languages_are_left_out(team):
    stories.published(team, title="Zebra", language="de")
    assert versions("zebra") == set()
    assert versions("zebra", language="de") != set()
    assert versions("zebra", language=None) != set()


def test_more_of_the_words_come_first(team):
    one = stories.published(team, title="Zebras", body="They run.")
    both = stories.published(team, title="Zebra fees", body="A zebra costs a fee.")
    found = past.propose("zebra fee", language="en", limit=10, still_in_force=False)
    assert [candidate.article_id for candidate in found.candidates] == [
        both.article_id,
        one.article_id,
    ]
    assert found.candidates[0].lexical > found.candidates[1].lexical > 0


@pytest.mark.parametrize("query", ["the and of", "?", "'", "a | b & ! (", "🦓", "\\", ":*"])
def test_no_question_breaks_the_query(team, query):
    stories.published(team, title="Zebra")
    assert isinstance(versions(query), set)
