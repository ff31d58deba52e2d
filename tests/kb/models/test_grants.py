"""What the application's role can't do at all, and what even the owner's SQL is refused."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from kb import gate
from kb.actions import holding
from kb.actions.work import Actor
from kb.models import AnswerContent, ChangeSet, Verification
from kb.models.grants import DELETABLE, READ_ONLY
from tests import stories
from tests.conftest import owner
from tests.kb.models import refusing
from tests.kb.models.refusing import stopped

APPEND_ONLY = (
    "kb_passage", "kb_carriedfact", "kb_pinnedfact", "kb_review", "kb_factrevision", "kb_fact",
    "kb_contributor", "kb_periodrecord", "kb_verification", "kb_answer", "kb_answerpassage",
    "kb_auditevent", "kb_change",
)  # fmt: skip
NEVER_DELETED = (
    *APPEND_ONLY, "kb_article", "kb_version", "kb_period", "kb_factperiod", "kb_hold",
    "kb_answercontent", "kb_chainhead", "kb_changeset", "kb_importrun", "kb_client", "kb_journey",
)  # fmt: skip

TABLES = pytest.mark.parametrize("table", NEVER_DELETED)


@TABLES
def test_the_application_deletes_nothing_that_is_governed(table: str, db):
    with stopped(refusing.BY_GRANT):
        refusing.sql(f"DELETE FROM {table}")


@TABLES
def test_the_application_truncates_nothing(table: str, db):
    with stopped(refusing.BY_GRANT):
        refusing.sql(f"TRUNCATE {table} CASCADE")


@TABLES
def test_even_the_owner_s_truncate_is_refused(table: str, db):
    with owner(settings.DATABASES["default"]["NAME"]) as session:
        session.execute("SET lock_timeout = '2s'")
        with pytest.raises(psycopg.DatabaseError) as refusal:
            session.execute(f"TRUNCATE {table} CASCADE")
    assert refusal.value.diag.message_detail == "append_only"


@pytest.fixture
def one_row_in_every_table(own_database: str) -> str:
    """A story that leaves at least one row in every governed table."""
    team = stories.staff()
    version = stories.published(
        team, kind="policy", journey="Refunds", body="You have {{ fact refund.window }}.",
        facts=({"key": "refund.window", "type": "duration", "value": "30 days"},),
    )  # fmt: skip
    client, _key = stories.client()
    now = gate.clock()
    Verification.objects.create(version=version, person=team["approver"], verified_at=now)
    ChangeSet.objects.create(proposed_by=team["editor"], note="one", created_at=now)
    refusing.sql(
        "INSERT INTO kb_importrun (source, file_name, file_digest, options, operator, author_id, "
        "state, counts, started_at) VALUES ('a', 'a', '', '{}', 'a', %s, 'staging', '{}', now())",
        team["editor"].pk,
    )
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        answered = refusing.answer(client.pk)
        refusing.rest_on(answered, version)
        AnswerContent.objects.create(answer_id=answered, retain_until=gate.clock())
        cursor.execute("COMMIT")
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="version", target=str(version.pk), reason="wrong"
    )
    connection.close()
    return own_database


def test_even_the_owner_s_delete_and_update_are_refused(one_row_in_every_table):
    with owner(one_row_in_every_table) as session:
        statements = [f"DELETE FROM {table}" for table in NEVER_DELETED]
        for table in APPEND_ONLY:
            column = session.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                "ORDER BY ordinal_position LIMIT 1", [table]
            ).fetchone()  # fmt: skip
            assert column is not None
            statements.append(f"UPDATE {table} SET {column[0]} = {column[0]}")
        for statement in statements:
            with pytest.raises(psycopg.DatabaseError) as refusal:
                session.execute(statement)
            assert refusal.value.diag.message_detail == "append_only", statement


@pytest.mark.parametrize("table", READ_ONLY)
def test_what_triggers_write_the_application_only_reads(table: str, db):
    for statement in (
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"UPDATE {table} SET id = id",
        f"DELETE FROM {table}",
    ):
        with stopped(refusing.BY_GRANT):
            refusing.sql(statement)


def test_the_application_deletes_only_what_is_no_record(db):
    """A new table is governed until somebody says otherwise in `kb.models.grants`."""
    rows = refusing.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'r' AND has_table_privilege(oid, 'DELETE')"
    )
    assert {name for (name,) in rows} == set(DELETABLE)


def test_the_application_truncates_references_triggers_and_grants_nothing(db):
    for right in ("TRUNCATE", "REFERENCES", "TRIGGER", "SELECT WITH GRANT OPTION"):
        rows = refusing.sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' AND has_table_privilege(oid, %s)",
            right,
        )
        assert rows == [], right


def test_the_application_cannot_shift_the_clock(db):
    with stopped(refusing.BY_GRANT):
        refusing.sql("UPDATE kb_clock_shift SET shift = interval '1 year'")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE kb_version DISABLE TRIGGER ALL",
        "ALTER TABLE kb_version DISABLE TRIGGER version_guard",
        "DROP TRIGGER version_guard ON kb_version",
        "ALTER TABLE kb_period DROP CONSTRAINT period_no_overlap",
        "ALTER TABLE kb_version ADD COLUMN more text",
        "CREATE RULE nothing AS ON UPDATE TO kb_hold DO INSTEAD NOTHING",
        "CREATE TRIGGER mine BEFORE INSERT ON kb_hold EXECUTE FUNCTION kb_never()",
        "DROP FUNCTION kb_clock() CASCADE",
        "ALTER FUNCTION kb_approved(kb_version) SET search_path = pg_temp",
        "CREATE FUNCTION kb_audience_rank(varchar) RETURNS integer LANGUAGE sql RETURN 0",
        "CREATE OPERATOR = (LEFTARG = kb_version, RIGHTARG = kb_version, FUNCTION = record_eq)",
        "CREATE TABLE kb_mine (id integer)",
        "CREATE SCHEMA mine",
        "SET session_replication_role = replica",
        "SET ROLE touchstone_owner",
        "SELECT setval('kb_version_id_seq', 1)",
    ],
)
def test_the_application_has_no_hand_on_the_rules(statement: str, db):
    role = settings.DATABASES["owner"]["USER"]
    if settings.DATABASES["default"]["USER"] == role:
        pytest.skip("one role does both here; a system check says what that weakens")
    with stopped(refusing.BY_GRANT):
        refusing.sql(statement.replace("touchstone_owner", role))


def test_every_protective_trigger_is_on(db):
    rows = refusing.sql(
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger "
        "WHERE NOT tgisinternal AND starts_with(tgrelid::regclass::text, 'kb_')"
    )
    assert {enabled for (_table, _name, enabled) in rows} == {"O"}
    names = {(table, name) for (table, name, _enabled) in rows}
    assert {(table, "never_updated") for table in APPEND_ONLY} <= names
    assert {(table, "never_deleted") for table in NEVER_DELETED} <= names
    assert {(table, "never_truncated") for table in NEVER_DELETED} <= names


def test_every_function_of_ours_names_where_it_looks(db):
    """Bodies bound when they were made need no path; the others carry one."""
    rows = refusing.sql(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND starts_with(proname, 'kb_') AND prosqlbody IS NULL "
        "AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=public, pg_temp']"
    )
    assert rows == []


def test_every_reference_is_checked_with_its_own_statement(db):
    rows = refusing.sql(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint "
        "WHERE contype = 'f' AND condeferrable AND starts_with(conrelid::regclass::text, 'kb_')"
    )
    assert rows == [], "a later migration adds its ALTER CONSTRAINT ... NOT DEFERRABLE"
