"""The editors' search: what was saved a moment ago is found, whatever befell the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.search.library import rebuild_library, search_library
from tests import stories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(home):
    return stories.staff()


def found(text: str, **filters: str) -> list[int]:
    return [hit.article_id for hit in search_library(text=text, filters=filters)]


def files(home: Path) -> list[Path]:
    return sorted(path for path in (home / "indexes").glob("*/library/*") if path.is_file())


def test_a_draft_is_found_as_soon_as_it_is_saved(team):
    version = stories.draft(team["editor"], title="Ostrich policy", body="About ostriches.")
    assert found("ostrich") == [version.article_id]


def test_any_of_the_words_is_enough_and_the_title_weighs_more(team):
    in_body = stories.published(team, title="Birds", body="An ostrich runs.")
    in_title = stories.draft(team["editor"], title="Ostrich", body="It runs.")
    assert found("ostrich zebra") == [in_title.article_id, in_body.article_id]


def test_the_state_follows_what_happens_to_the_version(team):
    version = stories.draft(team["editor"], title="Ostrich policy")
    assert found("ostrich", state="draft") == [version.article_id]
    stories.submit(version, team["editor"])
    assert found("ostrich", state="draft") == []
    assert found("ostrich", state="in_review") == [version.article_id]


def test_an_article_is_found_by_its_newest_text(team):
    version = stories.published(team, title="Ostrich policy", body="Old words: pelican.")
    stories.successor(team, version, body="New words: flamingo.")
    assert found("flamingo") == [version.article_id]
    assert found("pelican") == []


def test_fields_and_phrases_narrow(team):
    one = stories.draft(team["editor"], title="Gift cards", body="They never expire.")
    other = stories.draft(team["editor"], title="Cards", body="A gift for cards players.")
    assert found('"gift cards"') == [one.article_id]
    assert sorted(found("title:cards")) == sorted([one.article_id, other.article_id])


def test_without_words_everything_the_filters_leave_is_found(team):
    version = stories.draft(team["editor"], title="Gift cards", audience="agent")
    stories.draft(team["editor"], title="Other")
    assert found("", audience="agent") == [version.article_id]


def test_an_unknown_filter_is_named(team):
    with pytest.raises(ValueError, match="colour: not a filter"):
        search_library(text="x", filters={"colour": "red"})


def test_the_highlight_marks_words_and_escapes_the_rest(team):
    stories.draft(team["editor"], title="Angles", body="An ostrich is 1 < 2 & so on.")
    (hit,) = search_library(text="ostriches")
    assert "<mark>ostrich</mark>" in hit.highlight
    assert "1 &lt; 2 &amp; so" in hit.highlight


@pytest.mark.parametrize("text", ['"', "title:", "((", "a:b:c *", "?*", "NOT", "🦤", "[a TO", "\\"])
def test_no_text_makes_the_search_fail(team, text):
    stories.draft(team["editor"], title="Ostrich policy")
    search_library(text=text)


@pytest.mark.parametrize("damage", ["cut short", "overwritten", "removed"])
def test_a_damaged_index_is_rebuilt(team, home, damage):
    version = stories.published(team, title="Ostrich policy", body="About ostriches.")
    assert found("ostrich") == [version.article_id]
    for path in files(home):
        if damage == "removed":
            path.unlink()
        elif damage == "cut short":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            path.write_bytes(b"\x00" * path.stat().st_size)
    assert found("ostrich") == [version.article_id]


def test_rebuilding_finds_the_same(team):
    version = stories.published(team, title="Ostrich policy", body="About ostriches.")
    rebuild_library()
    assert found("ostrich") == [version.article_id]
