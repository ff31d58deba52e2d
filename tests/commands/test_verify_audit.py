"""verify_audit: it holds, or each bad row is named."""

from __future__ import annotations

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from kb.models import AuditEvent
from tests import stories
from tests.conftest import owner


def run(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", *words, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}"
    return out.getvalue(), ""


def tamper(statement: str) -> None:
    """What somebody with the owner's rights could do."""
    with owner(settings.DATABASES["default"]["NAME"]) as connection:
        connection.execute("ALTER TABLE kb_auditevent DISABLE TRIGGER USER")
        connection.execute(statement)
        connection.execute("ALTER TABLE kb_auditevent ENABLE TRIGGER USER")


@pytest.fixture
def history(own_database):
    """A few audited rows."""
    for name in ("one", "two", "three", "four"):
        stories.client(name)
    return AuditEvent.objects.count()


def test_a_whole_chain_holds_and_names_its_head(history):
    out, err = run()
    assert err == ""
    assert f"holds: {history} rows" in out
    last = AuditEvent.objects.get(pk=history)
    assert f"{history}:{last.hash}" in out


def test_the_head_is_printed_alone_to_be_kept_elsewhere(history):
    out, _err = run("--anchor")
    assert out == f"{history}:{AuditEvent.objects.get(pk=history).hash}\n"
    stories.client("five")
    assert run("--expect", out.strip())[1] == ""


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE kb_auditevent SET why = 'another' WHERE id = 2", "row 2: altered"),
        ("DELETE FROM kb_auditevent WHERE id = 2", "row 2: removed"),
        ("DELETE FROM kb_auditevent WHERE id = 4", "row 4: cut off"),
    ],
)
def test_a_touched_row_is_named(history, statement, named):
    tamper(statement)
    out, err = run()
    assert out == ""
    assert named in err
    assert "doesn't hold" in err


def test_a_chain_written_anew_is_found_by_the_head_kept_elsewhere(history):
    kept = run("--anchor")[0].strip()
    other = "0" * 64
    number = kept.partition(":")[0]
    assert f"row {number}: rewritten" in run("--expect", f"{number}:{other}")[1]
    assert "row 999: removed" in run("--expect", f"999:{other}")[1]
    assert "--expect" in run("--expect", "the head")[1]


def test_an_empty_chain_holds(own_database):
    assert "holds: 0 rows" in run()[0]
