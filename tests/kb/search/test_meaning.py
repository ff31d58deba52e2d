"""With the service's own encoder: what shares no word is found, and vectors come by and by."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from kb.inference import encoder, preparation
from kb.models import PassageVector
from kb.search import keeper, past, retrieval, source
from kb.search.locking import only_writer
from tests import stories

ASKED = "my dad passed away"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The encoder, built once for these tests."""
    home = tmp_path_factory.mktemp("encoder")
    preparation.prepare(home=home)
    return home


@pytest.fixture
def seeing(prepared, tmp_path, settings):
    """A home of the test's own with the encoder in it."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    settings.KB = {**settings.KB, "home": tmp_path, "encoder_path": ""}
    return tmp_path


@pytest.fixture
def team(seeing, db):
    return stories.staff()


@pytest.fixture
def bereavement(team):
    stories.published(team, title="Parcels", body="A parcel comes by post within a week.")
    return stories.published(
        team, title="Bereavement", body="When a customer dies, relatives close the account."
    )


def first() -> retrieval.Candidate:
    return retrieval.candidates(query=ASKED, language="en", limit=5).candidates[0]


def test_a_new_text_is_embedded_on_the_spot_and_found_by_its_meaning(bereavement):
    found = first()
    assert found.article_id == bereavement.article_id
    assert found.lexical == 0.0
    assert found.dense is not None
    assert keeper.current().manifest.pending == []


def test_what_was_embedded_is_kept_and_not_embedded_again(bereavement, monkeypatch):
    first()
    kept = PassageVector.objects.count()
    monkeypatch.setattr(
        encoder.Encoder, "embed", lambda *given, **more: pytest.fail("embedded again")
    )
    keeper.rebuild()
    assert PassageVector.objects.count() == kept == 2
    assert first().article_id == bereavement.article_id


def test_texts_beyond_the_budget_are_found_by_words_until_their_turn_comes(
    own_database, seeing, monkeypatch
):
    monkeypatch.setattr(keeper, "_EMBEDDED_AT_ONCE", 0)
    monkeypatch.setattr(keeper, "_INSPECT_EVERY_S", 0.0)
    team = stories.staff()
    version = stories.published(team, title="Zebra", body="A zebra has stripes.")
    found = retrieval.candidates(query="zebra", language="en", limit=5).candidates
    assert [(one.article_id, one.dense) for one in found] == [(version.article_id, None)]
    assert keeper.current().manifest.pending == [version.article_id]
    monkeypatch.setattr(keeper, "_EMBEDDED_AT_ONCE", 32)
    monkeypatch.setattr(keeper, "_COMPLETE_EVERY_S", 0.0)
    found = retrieval.candidates(query="zebra", language="en", limit=5).candidates
    assert found[0].dense is not None
    assert keeper.current().manifest.pending == []


def test_a_stored_vector_of_another_length_is_as_good_as_none(bereavement):
    first()
    PassageVector.objects.update(vector=b"\x00\x00")
    keeper.rebuild()
    assert keeper.current().manifest.pending != []


def test_the_past_is_searched_by_meaning_as_well(bereavement):
    first()
    found = past.propose("relatives of my dad", language="en", limit=5, still_in_force=False)
    assert found.dense_available
    assert found.candidates[0].article_id == bereavement.article_id


def test_the_command_rebuilds_everything_and_says_what_there_is(bereavement, capsys):
    call_command("rebuild_indexes")
    said = capsys.readouterr().out
    assert "Search index: 2 passages, with vectors of all-minilm-l6-v2" in said
    assert first().article_id == bereavement.article_id


def test_the_command_refuses_in_one_line_while_another_writes(team, monkeypatch):
    monkeypatch.setattr(keeper, "_WAIT_FOR_FIRST_S", 0.0)
    place = keeper.keeper_of(source.head()).folder
    with only_writer(place, wait_s=0), pytest.raises(CommandError, match="another process"):
        call_command("rebuild_indexes")
