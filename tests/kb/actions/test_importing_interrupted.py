"""An import that is interrupted, overtaken, or meets another file in its place."""

from __future__ import annotations

import pytest

from kb.actions.importing import run
from kb.actions.importing.run import Request
from kb.errors import Conflict, NotPermitted
from kb.models import (
    Article,
    ImportRun,
    Passage,
    Period,
    RoleGrant,
    StagedRecord,
    Version,
)
from tests.kb.actions.importing_stories import (
    SOURCE,
    bring,
    edit,
    given,
    record,
    team,
    versions,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(db: None) -> None:
    team()


class Interrupted(Exception):
    """Stands for a kill."""


def interrupted(*records: dict[str, object], phase: str) -> None:
    """Import until `phase` begins."""

    def stop(name: str, _done: int, _total: int) -> None:
        if name == phase:
            raise Interrupted

    request = Request(author="editor", approvers=("approver",), source=SOURCE)
    with pytest.raises(Interrupted):
        run.import_articles(given(*records), request, progress=stop)


def test_an_interrupted_import_goes_on_where_it_was():
    records = [record(f"a{n}x-y") for n in range(60)]
    interrupted(*records, phase="staging")
    staged = set(StagedRecord.objects.values_list("pk", flat=True))
    assert len(staged) == 50
    assert not Article.objects.exists()
    report = bring(*records)
    assert (report.resumed, report.counts["new"]) == (True, 60)
    assert ImportRun.objects.get().state == "in_force"
    assert staged < set(StagedRecord.objects.values_list("pk", flat=True))


def test_another_file_takes_the_place_of_an_interrupted_one():
    interrupted(record("a"), phase="staging")
    report = bring(record("b"))
    assert not report.resumed
    states = ImportRun.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["abandoned", "in_force"]
    assert StagedRecord.objects.count() == 1


def test_what_changed_meanwhile_is_seen_when_the_import_takes_force():
    bring(record("a"))
    interrupted(record("a", body="New words of a."), phase="taking force")
    edit("a", body="Better words of a.")
    assert bring(record("a", body="New words of a.")).counts["left"] == 1
    assert versions("a")[-1].body == "Better words of a."


def test_a_role_that_is_taken_away_meanwhile_counts():
    interrupted(record("a"), phase="taking force")

    def take_away(phase: str, _done: int, _total: int) -> None:
        if phase == "taking force":
            RoleGrant.objects.filter(person__username="approver").delete()

    request = Request(author="editor", approvers=("approver",), source=SOURCE)
    with pytest.raises(NotPermitted):
        run.import_articles(given(record("a")), request, progress=take_away)
    assert not Article.objects.exists()


def test_a_finished_run_keeps_what_became_of_each_record():
    bring(record("a", reviewed_at="2024-05-01"))
    row = StagedRecord.objects.get()
    assert row.passages == []
    assert row.content == {
        "id": "a",
        "language": "en",
        "outcome": "new",
        "reviewed_at": "2024-05-01T00:00:00+00:00",
        "version": versions("a")[0].pk,
    }


def test_a_file_that_changes_while_it_is_imported_is_refused():
    class Shifting(type(given())):  # type: ignore[misc]
        def digest(self) -> str:
            return str(next(counter))

    counter = iter(range(10))
    shifting = Shifting("a.jsonl", given(record("a")).records)
    with pytest.raises(Conflict, match="changed while"):
        run.import_articles(shifting, Request(author="editor", approvers=("approver",)))
    assert not Article.objects.exists()


def test_many_records_are_one_publication():
    bring(*(record(f"text-{n}") for n in range(250)))
    assert Version.objects.filter(state="published").count() == 250
    assert Period.objects.values("starts_at").distinct().count() == 1
    assert Passage.objects.count() == 250
