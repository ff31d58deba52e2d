"""The audit chain: what it proves, whatever was written, and what it names when it was touched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb import audit
from kb.actions.work import Actor, work
from kb.audit import GENESIS, Fault, Row
from kb.models import AuditEvent
from tests.conftest import owner
from tests.kb import racing

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def record(**given: str) -> Row:
    """Write one audit row as the application does, and return it as stored."""
    columns = {
        "actor": "system:test", "action": "try", "subject": "test:1", "old": "", "new": "",
        "why": "", "request_id": "", **given,
    }  # fmt: skip
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO kb_auditevent (at, {names}) VALUES (kb_clock(), {places})",
            list(columns.values()),
        )
    return list(audit.stored_rows())[-1]


def chain(count: int) -> list[Row]:
    """A whole chain in memory, hashed in Python alone."""
    rows: list[Row] = []
    previous = GENESIS
    for number in range(1, count + 1):
        at = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(seconds=number)
        row = Row(number, at, "a", "b", f"c:{number}", "", f"{number}", "", "", previous, "")
        rows.append(replace(row, hash=audit.row_hash(row)))
        previous = rows[-1].hash
    return rows


def faults(rows: list[Row], of: list[Row]) -> list[Fault]:
    """What is wrong with `rows`, where the head still says what `of` ended with."""
    return list(audit.faults(rows, head_id=of[-1].id, head_hash=of[-1].hash))


@PROPERTY
@given(old=WORDS, new=WORDS, why=WORDS, actor=WORDS, subject=WORDS)
def test_python_and_sql_hash_every_text_alike(db, old, new, why, actor, subject):
    with transaction.atomic():
        row = record(old=old, new=new, why=why, actor=actor, subject=subject)
        assert audit.row_hash(row) == row.hash
        assert (row.old, row.new, row.why) == (old, new, why)
        transaction.set_rollback(True)


@pytest.mark.parametrize("value", ["", "🦉é\u0301\u202e\r\n\t", "x" * 3_000_000, "é" * 1_000_000])
def test_python_and_sql_hash_empty_odd_and_huge_values_alike(value: str, db):
    row = record(new=value, why=value)
    assert audit.row_hash(row) == row.hash
    assert audit.verify() == []


@PROPERTY
@given(words=st.lists(WORDS, min_size=2, max_size=2), cut=st.integers(0, 60))
def test_no_two_rows_share_a_hash_by_shifting_words_between_fields(words, cut):
    row = chain(1)[0]
    text = "".join(words)
    one = replace(row, old=words[0], new=words[1])
    other = replace(row, old=text[:cut], new=text[cut:])
    assert (audit.row_hash(one) == audit.row_hash(other)) == (one == other)


@PROPERTY
@given(rows=st.integers(1, 12).map(chain))
def test_an_untouched_chain_has_no_fault(rows):
    assert faults(rows, rows) == []


FIELDS = ("at", "actor", "action", "subject", "old", "new", "why", "request_id")


@PROPERTY
@given(rows=st.integers(1, 12).map(chain), data=st.data())
def test_an_altered_row_is_named(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    value = rows[at].at + timedelta(microseconds=1) if name == "at" else "other"
    touched = [*rows[:at], replace(rows[at], **{name: value}), *rows[at + 1 :]]
    assert [fault.audit_id for fault in faults(touched, rows)] == [rows[at].id]
    assert "altered" in faults(touched, rows)[0].what


@PROPERTY
@given(rows=st.integers(2, 12).map(chain), data=st.data())
def test_a_row_that_was_altered_and_hashed_anew_is_found_at_the_next_link(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    forged = replace(rows[at], new="other")
    forged = replace(forged, hash=audit.row_hash(forged))
    found = faults([*rows[:at], forged, *rows[at + 1 :]], rows)
    assert [fault.audit_id for fault in found] == [rows[at].id + 1]


@PROPERTY
@given(rows=st.integers(2, 12).map(chain), data=st.data())
def test_removed_rows_are_named(rows, data):
    first = data.draw(st.integers(0, len(rows) - 2))
    last = data.draw(st.integers(first, len(rows) - 2))
    found = faults([*rows[:first], *rows[last + 1 :]], rows)
    assert [fault.audit_id for fault in found] == [rows[first].id]
    assert f"rows {rows[first].id} to {rows[last].id}" in found[0].what


@PROPERTY
@given(rows=st.integers(2, 12).map(chain), data=st.data())
def test_rows_cut_off_at_the_end_are_named(rows, data):
    left = data.draw(st.integers(0, len(rows) - 1))
    found = faults(rows[:left], rows)
    assert [fault.audit_id for fault in found] == [left + 1]
    assert "cut off" in found[0].what


@PROPERTY
@given(rows=st.integers(2, 12).map(chain), data=st.data())
def test_exchanged_rows_are_named(rows, data):
    one, other = sorted(data.draw(st.permutations(range(len(rows))))[:2])
    touched = list(rows)
    touched[one] = replace(rows[other], id=rows[one].id)
    touched[other] = replace(rows[one], id=rows[other].id)
    named = {fault.audit_id for fault in faults(touched, rows)}
    assert {rows[one].id, rows[other].id} <= named


TOUCHES = {
    "altered": ("UPDATE kb_auditevent SET new = 'other' WHERE id = 4", {4}),
    "dated anew": ("UPDATE kb_auditevent SET at = at - interval '1 day' WHERE id = 4", {4}),
    "removed": ("DELETE FROM kb_auditevent WHERE id IN (4, 5)", {4}),
    "removed at the beginning": ("DELETE FROM kb_auditevent WHERE id = 1", {1}),
    "cut off": ("DELETE FROM kb_auditevent WHERE id > 7", {8}),
    "all removed": ("DELETE FROM kb_auditevent", {1}),
    "reordered": (
        "UPDATE kb_auditevent SET id = CASE id WHEN 3 THEN -6 ELSE -3 END WHERE id IN (3, 6); "
        "UPDATE kb_auditevent SET id = -id WHERE id < 0",
        {3, 4, 6, 7},
    ),
    "put behind": (
        "INSERT INTO kb_auditevent SELECT 9, at, actor, action, subject, old, new, why, "
        "request_id, previous_hash, hash FROM kb_auditevent WHERE id = 8",
        {9, 10},
    ),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_what_was_touched_past_the_triggers_is_named(touch: str, own_database):
    """By the owner, with the triggers off: more than the application's role can ever do."""
    for number in range(8):
        record(new=str(number))
    assert audit.verify() == []
    statements, named = TOUCHES[touch]
    with owner(own_database) as session:
        session.execute("ALTER TABLE kb_auditevent DISABLE TRIGGER USER")
        for statement in statements.split("; "):
            session.execute(statement)
    assert {fault.audit_id for fault in audit.verify()} == named


def test_a_forged_head_is_named(own_database):
    record()
    with owner(own_database) as session:
        session.execute("UPDATE kb_chainhead SET audit_hash = repeat('0', 64)")
    assert [fault.audit_id for fault in audit.verify()] == [2]


def test_a_copy_of_the_rows_is_verified_without_the_database(db):
    for number in range(3):
        record(new=str(number))
    rows, head = list(audit.stored_rows()), audit.head()
    assert list(audit.faults(rows, head_id=head.audit_id, head_hash=head.audit_hash)) == []
    first = rows[0]
    at = first.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = [GENESIS, "1", at, "system:test", "try", "test:1", "", "0", "", ""]
    text = "".join(f"{len(field.encode())}:{field}" for field in fields)
    assert first.hash == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("column", ["id", "previous_hash", "hash"])
def test_nobody_chooses_their_place_in_the_chain(column: str, db):
    record()
    row = record(**{column: "77" if column == "id" else "f" * 64})
    assert row.id == 2
    assert audit.verify() == []


def writer(name: str, rows: int) -> Callable[[], None]:
    """Somebody who acts `rows` times, two audit rows an action."""

    def write() -> None:
        for number in range(rows):
            with work(actor=Actor.system(name)) as doing:
                doing.record("try", f"test:{number}")
                doing.record("try", f"test:{number}", why="again")

    return write


def test_writers_at_once_stay_one_chain_and_readers_see_it_whole(own_database):
    seen: list[list[Fault]] = []

    def read() -> None:
        seen.extend(audit.verify() for _ in range(10))

    outcomes = racing.together(*(writer(f"w{n}", 15) for n in range(4)), read)
    assert outcomes == [None] * 5
    assert seen == [[]] * 10
    assert audit.verify() == []
    assert list(AuditEvent.objects.order_by("id").values_list("id", flat=True)) == list(
        range(1, 4 * 15 * 2 + 1)
    )


COLUMNS = "at, actor, action, subject, old, new, why, request_id"
ROW = "kb_clock(), 'system:test', 'try', 'test:1', '', n::text, '', ''"


def test_many_rows_of_one_statement_follow_each_other(db):
    record()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO kb_auditevent ({COLUMNS}) SELECT {ROW} FROM generate_series(2, 500) n"
        )
    record()
    rows = list(audit.stored_rows())
    assert [row.new for row in rows[1:-1]] == [str(n) for n in range(2, 501)]
    assert [row.id for row in rows] == list(range(1, 502))
    assert audit.verify() == []


def test_a_statement_that_writes_twice_leaves_the_head_at_the_last_row(db):
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH first AS (INSERT INTO kb_auditevent ({COLUMNS}) "
            f"SELECT {ROW} FROM generate_series(1, 3) n RETURNING id), "
            f"second AS (INSERT INTO kb_auditevent ({COLUMNS}) "
            f"SELECT {ROW} FROM generate_series(4, 4) n RETURNING id) "
            f"INSERT INTO kb_auditevent ({COLUMNS}) SELECT {ROW} FROM generate_series(5, 6) n"
        )
    assert audit.verify() == []
    record()
    assert audit.verify() == []


def test_a_writer_that_rolls_back_leaves_no_gap(own_database):
    record()
    with transaction.atomic():
        record()
        transaction.set_rollback(True)
    record()
    assert [row.id for row in audit.stored_rows()] == [1, 2]
    assert audit.verify() == []
