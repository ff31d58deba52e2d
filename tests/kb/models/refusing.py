"""How PostgreSQL says no, and rows written past the actions, so that it has something to refuse."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from psycopg.types.json import Jsonb

from kb import gate
from kb.models import Person, Version
from tests import stories

BY_RULE = "KB001"
BY_GRANT = "42501"
BY_CHECK = "23514"
BY_REFERENCE = "23503"
BY_EXCLUSION = "23P01"
BY_UNIQUENESS = "23505"


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    """Expect a trigger's refusal with this stable code; what was written before it stays."""
    with stopped(BY_RULE) as diagnostics:
        yield
    assert diagnostics[0].message_detail == code, diagnostics[0].message_primary


@contextlib.contextmanager
def stopped(sqlstate: str) -> Iterator[list[psycopg.errors.Diagnostic]]:
    """Expect this SQLSTATE; the diagnostics stand in the list afterwards."""
    said: list[psycopg.errors.Diagnostic] = []
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        yield said
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert cause.sqlstate == sqlstate, cause
    said.append(cause.diag)


def sql(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement as the application's role and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def insert(table: str, **columns: Any) -> Any:
    """Insert one row in plain SQL; return its first column."""
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    returned = sql(
        f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING *", *columns.values()
    )
    return returned[0][0]


def update(table: str, pk: Any, **columns: Any) -> None:
    """Update one row, by its primary key `id`, in plain SQL."""
    names = ", ".join(f"{name} = %s" for name in columns)
    sql(f"UPDATE {table} SET {names} WHERE id = %s", *columns.values(), pk)


def sign(version: Version, reviewer: Person, **given: Any) -> Any:
    """Insert an approval past the action: on its digest, freshly authenticated unless given."""
    now = gate.clock()
    columns = {
        "version_id": version.pk,
        "digest": version.digest,
        "decision": "approve",
        "meaning": "checked_against_policy",
        "comment": "",
        "reviewer_id": reviewer.pk,
        "authenticated_by": "password",
        "authenticated_at": now,
        "decided_at": now,
        **given,
    }
    return insert("kb_review", **columns)


def publish(version: Version, **given: Any) -> None:
    """Move a version to published past the action; no period is written."""
    now = gate.clock()
    moment = {"decided_at": now, "published_at": now, "verified_at": now}
    update("kb_version", version.pk, **{"state": "published", **moment, **given})
    version.refresh_from_db()


def put_in_force(version: Version, **given: Any) -> Any:
    """Insert the period of a published version past the action."""
    columns = {
        "version_id": version.pk,
        "article_id": version.article_id,
        "language": version.language,
        "starts_at": max(
            filter(None, [version.published_at, version.effective_from]), default=None
        ),
        "ends_at": version.effective_until,
        **given,
    }
    return insert("kb_period", **columns)


def draft(author: Person, *, article_id: int, **given: Any) -> Version:
    """Insert a draft past the action."""
    now = gate.clock()
    fields = stories.content().as_fields()
    columns = {
        **{**fields, "scope": Jsonb(fields["scope"]), "facts": Jsonb(fields["facts"])},
        "article_id": article_id,
        "language": "en",
        "state": "draft",
        "author_id": author.pk,
        "edited_by_id": author.pk,
        "edits": 0,
        "created_at": now,
        "edited_at": now,
        **given,
    }
    return Version.objects.get(pk=insert("kb_version", **columns))


def passage(version_id: int, **given: Any) -> Any:
    """Insert a passage past the action."""
    columns = {
        "version_id": version_id,
        "ordinal": 900,
        "headings": Jsonb([]),
        "text": "Everybody is paid back twice.",
        "html": "<p>Everybody is paid back twice.</p>",
        "audience": "public",
        "placeholder": False,
        "digest": "",
        "embedding_key": "",
        **given,
    }
    return insert("kb_passage", **columns)


def answer(client_id: int, **given: Any) -> uuid.UUID:
    """Insert a ledger row past the action: an answer to a public client, served now."""
    now = gate.clock()
    columns = {
        "id": uuid.uuid4(),
        "client_id": client_id,
        "decision": "answer",
        "reason": "grounded",
        "probability": 0.9,
        "threshold": 0.5,
        "question_hash": "0" * 64,
        "language": "en",
        "audience": "public",
        "scope": Jsonb({}),
        "channel": "",
        "purpose": "live",
        "historical": False,
        "served_at": now,
        "valid_until": now,
        "request_id": "",
        **given,
    }
    insert("kb_answer", **columns)
    return columns["id"]  # type: ignore[no-any-return]


def rest_on(answer_id: uuid.UUID, version: Version, **given: Any) -> Any:
    """Insert what an answer rests on past the action: the first passage, at the answer's time."""
    served_at = sql("SELECT served_at FROM kb_answer WHERE id = %s", answer_id)
    first = version.passages.order_by("ordinal").first()
    columns = {
        "answer_id": answer_id,
        "rank": 1,
        "passage_id": first.pk if first else None,
        "version_id": version.pk,
        "article_id": version.article_id,
        "score": 1.0,
        "served_at": served_at[0][0] if served_at else gate.clock(),
        **given,
    }
    return insert("kb_answerpassage", **columns)
