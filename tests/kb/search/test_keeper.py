"""Indexes follow the database, and come back whatever happens to their files."""

from __future__ import annotations

import random
import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from kb import gate
from kb.actions import publishing
from kb.actions.work import Actor
from kb.search import building, keeper, manifest, retrieval, source
from kb.search.errors import IndexUnusableError
from kb.search.keeper import Keeper
from kb.search.locking import only_writer
from tests import stories


def found(query: str = "zebra stripes", **given) -> list[int]:
    """The articles proposed for a question, best first."""
    proposal = retrieval.candidates(query=query, language="en", limit=10, **given)
    return [candidate.article_id for candidate in proposal.candidates]


def folder(home: Path) -> Path:
    """Where the current database's index lies."""
    return home / "indexes" / source.head().database


def data_files(home: Path) -> list[Path]:
    """Every file of the index but locks."""
    paths = (path for path in folder(home).rglob("*") if path.is_file())
    return sorted(path for path in paths if not path.name.endswith("lock"))


def forget() -> None:
    """Be a process that starts anew."""
    keeper._keepers.clear()


@pytest.fixture
def team(home, db):
    return stories.staff()


@pytest.fixture
def zebra(team):
    return stories.published(team, title="Zebra stripes", body="A zebra has stripes.")


def test_an_article_is_found_as_soon_as_it_is_published(team):
    assert found() == []
    version = stories.published(team, title="Zebra stripes", body="A zebra has stripes.")
    assert found() == [version.article_id]


def test_a_second_article_comes_as_a_small_part(team, zebra):
    found()
    other = stories.published(team, title="Lions", body="A lion hunts the zebra.")
    assert found() == [zebra.article_id, other.article_id]
    assert len(keeper.current().parts) == 2


def test_a_draft_is_not_found(team):
    stories.draft(team["editor"], title="Zebra stripes")
    assert found() == []


def test_superseded_text_leaves_the_index(team, zebra):
    found()
    stories.approve(
        stories.successor(team, zebra, title="Giraffes", body="Long necks."), team["approver"]
    )
    assert found("zebra") == []
    assert found("giraffe") == [zebra.article_id]


def test_retired_text_leaves_the_index(team, zebra):
    assert found() == [zebra.article_id]
    publishing.retire_version(
        actor=Actor.of(team["approver"]), version_id=zebra.pk, why="No longer true."
    )
    assert found() == []


def test_scheduled_text_is_there_before_it_takes_effect(team):
    later = gate.clock() + timedelta(days=3)
    version = stories.published(team, title="Zebra stripes", effective_from=later)
    assert found() == [version.article_id]


def test_a_placeholder_is_never_proposed(team):
    stories.published(team, title="Zebra fees", body="[value not available]")
    assert found("zebra fees") == []


def test_another_past_with_as_many_changes_is_noticed(team, zebra):
    """Restoring a backup, or rolling back a test, can leave the same number of changes."""
    held = keeper.current()
    mark = held.manifest.mark
    assert mark is not None
    other = manifest.Mark(**{**mark.__dict__, "at": "2001-01-01T00:00:00+00:00"})
    building.extend(held, mark=other, removed=[zebra.article_id], entries=[], vectors=[])
    forget()
    assert found() == [zebra.article_id]


@pytest.mark.parametrize("as_new_process", [True, False])
@pytest.mark.parametrize("damage", ["cut short", "emptied", "removed", "overwritten"])
@pytest.mark.parametrize(
    "which", ["manifest", "rows", "coarse", "exact", "meta", ".store", ".term"]
)
def test_after_any_damage_the_answer_is_the_same(
    team, zebra, home, monkeypatch, which, damage, as_new_process
):
    assert found() == [zebra.article_id]
    hurt = [path for path in data_files(home) if which in path.name]
    for path in hurt:
        size = path.stat().st_size
        if damage == "removed":
            path.unlink()
        elif damage == "cut short":
            path.write_bytes(path.read_bytes()[: size // 2])
        elif damage == "emptied":
            path.write_bytes(b"")
        else:
            path.unlink()  # in place it would be written into memory that this process has mapped
            path.write_bytes(random.Random(1).randbytes(size))
    if as_new_process:
        forget()
    else:
        monkeypatch.setattr(keeper, "_INSPECT_EVERY_S", 0.0)
    # Rows of noise are well-formed rows of passages that don't exist: the gate drops them.
    if damage == "overwritten" and which in {"rows", "coarse", "exact"}:
        assert isinstance(found(), list)
    else:
        assert found() == [zebra.article_id]


def test_a_removed_folder_is_made_anew(team, zebra, home, monkeypatch):
    assert found() == [zebra.article_id]
    monkeypatch.setattr(keeper, "_INSPECT_EVERY_S", 0.0)
    shutil.rmtree(home / "indexes")
    assert found() == [zebra.article_id]
    assert manifest.read(folder(home)).parts


def test_an_index_of_another_format_is_rebuilt(team, zebra, home):
    found()
    path = folder(home) / manifest.NAME
    path.write_text(path.read_text().replace(f'"format": {manifest.FORMAT}', '"format": 0'))
    forget()
    assert found() == [zebra.article_id]
    assert manifest.read(folder(home)).format == manifest.FORMAT


def test_what_a_killed_writer_left_behind_is_removed(team, zebra, home):
    found()
    leftover = folder(home) / "g-0123456789ab"
    (leftover / "0").mkdir(parents=True)
    keeper.rebuild()
    assert not leftover.exists()


def test_indexes_of_databases_that_are_gone_are_removed(team, home):
    system = folder(home).name.rpartition("-")[0]
    gone = home / "indexes" / f"{system}-999999999"
    gone.mkdir(parents=True)
    keeper.rebuild()
    assert not gone.exists()
    assert folder(home).exists()


def test_where_no_index_can_be_written_postgresql_stands_in(team, zebra, home):
    (home / "indexes").write_text("a file where the folder should be")
    assert found() == [zebra.article_id]


def test_a_panic_while_reading_is_survived(team, zebra, monkeypatch):
    found()
    held = keeper.current()

    def damaged(**given):
        raise IndexUnusableError("a block of postings makes no sense")

    monkeypatch.setattr(held, "propose", damaged)
    assert found() == [zebra.article_id]
    assert keeper.current().manifest.generation != held.manifest.generation


def test_while_another_process_writes_questions_go_on_with_what_there_is(team, zebra, home):
    assert found() == [zebra.article_id]
    with only_writer(folder(home), wait_s=0) as alone:
        assert alone
        stories.published(team, title="Zebra crossing", body="Walk here.")
        assert found() == [zebra.article_id]
    assert len(found()) == 2


def test_a_process_takes_up_what_another_has_written(team, zebra):
    ours, theirs = (Keeper(keeper.keeper_of(source.head()).folder) for _ in range(2))
    ours.at(source.head())
    theirs.at(source.head())
    stories.published(team, title="Zebra crossing", body="Walk here.")
    written = theirs.at(source.head())
    assert ours.at(source.head()).manifest == written.manifest


def test_many_changes_are_folded_into_one_part(team):
    for number in range(building.MOST_PARTS + 2):
        version = stories.published(team, title=f"Zebra {number}")
        assert version.article_id in found(f"zebra {number}")
    assert len(keeper.current().parts) < building.MOST_PARTS


def test_a_folded_index_is_no_damage_to_a_process_that_read_the_old_one(
    team, zebra, monkeypatch, caplog
):
    found()
    monkeypatch.setattr(keeper, "_INSPECT_EVERY_S", 0.0)
    building.fold(keeper.current())
    assert found() == [zebra.article_id]
    assert "damaged" not in caplog.text


def test_no_question_fails_and_none_finds_nothing_while_processes_write(own_database, home):
    """Several keepers, as several processes have them, refresh and rebuild at the same time."""
    team = stories.staff()
    first = stories.published(team, title="Zebra stripes", body="A zebra has stripes.")
    place = keeper.keeper_of(source.head()).folder
    missed: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        mine = Keeper(place)
        while not stop.is_set():
            try:
                proposal = mine.at(source.head()).propose(query="zebra", vector=None, limit=50)
            except Exception as error:  # noqa: BLE001
                missed.append(repr(error))
                break
            if first.article_id not in {one.article_id for one in proposal.candidates}:
                missed.append("not found")
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(6):
        stories.published(team, title=f"Zebra crossing {number}")
        if number % 2:
            keeper.rebuild()
    stop.set()
    for thread in threads:
        thread.join()
    assert missed == []


def test_many_changes_at_once_are_taken_in_behind_the_scenes(own_database, home, monkeypatch):
    team = stories.staff()
    first = stories.published(team, title="Zebra stripes")
    assert found() == [first.article_id]
    monkeypatch.setattr(keeper, "_MOST_AT_ONCE", 2)
    others = {stories.published(team, title=f"Zebra {n}").article_id for n in range(3)}
    assert found() == [first.article_id]
    until = time.monotonic() + 10
    while not others <= set(found()) and time.monotonic() < until:
        threading.Event().wait(0.02)
    assert others <= set(found())
