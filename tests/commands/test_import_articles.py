"""The import at its door: files of every kind, what is printed, what is kept, kill -9."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from kb.models import Article, AuditEvent, ImportRun, PassageVector, StagedRecord, Version
from tests import stories

ROOT = Path(__file__).parents[2]
PEOPLE = ("--author", "editor", "--approver", "approver")


def write(folder: Path, *records: dict[str, Any], name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path


def record(number: int, **more: Any) -> dict[str, Any]:
    body = f"## Item {number}\n\nItem {number} is kept for {number + 1} days and then sold."
    return {"id": f"item-{number}", "title": f"Item {number}", "body": body, **more}


def run(*arguments: object) -> tuple[str, str]:
    """Run the command; return what it printed and what it said."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_articles", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return "", f"{err.getvalue()}{error}"
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_one_record_is_counted_as_one(tmp_path):
    stories.staff()
    out, _err = run(write(tmp_path, record(1)), *PEOPLE, "--source", "shop")
    assert out.startswith("Imported 1 record of 'shop', in force:")


@pytest.mark.django_db
def test_a_file_is_imported_and_counted(tmp_path):
    stories.staff()
    path = write(tmp_path, record(1), record(2))
    out, _err = run(path, *PEOPLE, "--source", "shop")
    assert out.splitlines() == ["Imported 2 records of 'shop', in force:", "       2  new"]
    out, _err = run(path, *PEOPLE, "--source", "shop")
    assert out.splitlines()[1] == "       2  unchanged"
    run_row = ImportRun.objects.order_by("pk").first()
    assert (run_row.file_name, run_row.state) == ("a.jsonl", "in_force")
    assert run_row.operator


@pytest.mark.django_db
def test_a_refusal_names_file_line_field_and_reason(tmp_path):
    stories.staff()
    path = write(tmp_path, record(1), record(2, kind="rule"))
    out, err = run(path, *PEOPLE)
    assert out == ""
    assert "a.jsonl:2: kind: 'rule' isn't one of policy, resolution\n" in err
    assert err.endswith("Nothing was imported: 1 record is refused. Mend it, or leave it out "
                        "with --skip-bad.")  # fmt: skip
    assert not Article.objects.exists()


@pytest.mark.django_db
def test_a_flood_of_refusals_is_cut_and_counted(tmp_path):
    stories.staff()
    path = write(tmp_path, *(record(n, kind="rule") for n in range(60)))
    _out, err = run(path, *PEOPLE)
    assert err.count("a.jsonl:") == 50
    assert "... and 10 more" in err
    assert "60 records are refused" in err


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "a.jsonl:1: file: has no records in it"),
        (b"\n\r\n\xef\xbb\xbf", "a.jsonl:3: record: isn't JSON"),
        (b'{"id": "\xff"}\n', "a.jsonl:1: record: isn't UTF-8"),
        (b'[{"id": "a"}]', "a.jsonl:1: file: is a JSON list"),
        (b'{"id": "a", "title": "A", "body": "\\u0000"}', "a.jsonl:1: body: has a NUL"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(tmp_path, data: bytes, why: str):
    stories.staff()
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    _out, err = run(path, *PEOPLE)
    assert why in err
    assert "Traceback" not in err


@pytest.mark.django_db
def test_people_and_paths_are_refused_in_one_line(tmp_path):
    stories.staff()
    path = write(tmp_path, record(1))
    assert run(path, "--author", "nobody")[1].startswith("author: there is nobody called")
    same = run(path, "--author", "approver", "--approver", "approver")[1]
    assert same == "approver is author and approver at once; name two people (four eyes)."
    assert "there is no" in run(tmp_path / "none", "--author", "editor")[1]
    assert "required: --author" in run(path)[1]


@pytest.mark.django_db
def test_a_dry_run_says_what_would_be_done(tmp_path):
    stories.staff()
    out, _err = run(write(tmp_path, record(1)), *PEOPLE, "--dry-run")
    assert out.splitlines()[0] == "Would import 1 record of 'import', in force:"
    assert not ImportRun.objects.exists()


@pytest.mark.django_db
def test_what_is_left_alone_is_said(tmp_path):
    people = stories.staff()
    run(write(tmp_path, record(1, audience="public")), *PEOPLE)
    stories.approve(
        stories.successor(people, Version.objects.get(), body="Ours."), people["approver"]
    )
    out, err = run(write(tmp_path, record(1, audience="agent")), *PEOPLE)
    assert "left alone: item-1 (en): it was edited here since; --overwrite" in err
    assert "1  left alone, because people work on them here" in out


@pytest.mark.django_db
def test_a_folder_of_markdown_files_is_imported(tmp_path):
    stories.staff()
    (tmp_path / "texts").mkdir()
    for name in ("a-text", "b-text"):
        text = f"---\nid: {name}\ntitle: The {name}\naudience: public\n---\nAll about {name}."
        (tmp_path / "texts" / f"{name}.md").write_text(text)
    out, _err = run(tmp_path / "texts", *PEOPLE)
    assert out.splitlines()[1] == "       2  new"
    out = io.StringIO()
    target = tmp_path / "back"
    call_command("export_articles", str(target), "--format", "markdown", stderr=out)
    assert sorted(path.name for path in target.iterdir()) == ["a-text.md", "b-text.md"]
    assert run(target, *PEOPLE)[0].splitlines()[1] == "       2  unchanged"


@pytest.mark.django_db
def test_an_export_comes_back_unchanged_and_writes_over_nothing(tmp_path):
    stories.staff()
    run(write(tmp_path, record(1), record(2, title="Ärger “hier”")), *PEOPLE)
    target = tmp_path / "out.jsonl"
    said = io.StringIO()
    call_command("export_articles", str(target), stderr=said)
    assert said.getvalue() == "Exported 2 texts.\n"
    assert run(target, *PEOPLE)[0].splitlines()[1] == "       2  unchanged"
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_articles", str(target))
    printed = io.StringIO()
    call_command("export_articles", "-", stdout=printed, stderr=said)
    assert printed.getvalue() == target.read_text(encoding="utf-8")


def environment() -> dict[str, str]:
    """The environment in which another process uses the test's database."""

    def url(alias: str) -> str:
        place = settings.DATABASES[alias]
        who = f"{quote(place['USER'])}:{quote(place['PASSWORD'])}"
        where = f"{quote(place['HOST'], safe='')}:{place['PORT']}" if place["PORT"] else quote(
            place["HOST"], safe=""
        )  # fmt: skip
        return f"postgres://{who}@{where}/{place['NAME']}"

    return {
        **os.environ,
        "DATABASE_URL": url("default"),
        "OWNER_DATABASE_URL": url("owner"),
        "KB_HOME": str(settings.KB_HOME),
    }


def started(path: Path) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_articles", str(path), *PEOPLE],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_at(path: Path, phase: str) -> bool:
    """Start the import and kill -9 it once it says `phase`; say whether it was killed."""
    process = started(path)
    for line in process.stderr or ():
        if line.startswith(phase):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_import_goes_on_and_nothing_is_done_twice(tmp_path, own_database):
    stories.staff()
    path = write(tmp_path, *(record(n) for n in range(400)))
    assert killed_at(path, "staging")
    assert not Article.objects.exists()
    staged = set(StagedRecord.objects.values_list("pk", flat=True))
    assert staged
    assert killed_at(path, "embedding")
    embedded = PassageVector.objects.count()
    process = started(path)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "taken up where it was interrupted" in out
    assert Version.objects.filter(state="published").count() == 400
    assert staged < set(StagedRecord.objects.values_list("pk", flat=True))
    assert ImportRun.objects.get().state == "in_force"
    assert AuditEvent.objects.filter(action="publish").count() == 400
    assert PassageVector.objects.count() >= embedded
