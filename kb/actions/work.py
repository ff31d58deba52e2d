"""The shape of every write: one transaction, an actor, and what it leaves behind.

`with work(actor=...) as w:` opens the transaction; the action locks, asks its rule, writes, and
tells `w` what to record. On the way out the change rows and then the audit rows are written, last
and briefly, because each takes the chain's lock. What PostgreSQL refuses comes out as an error of
`kb.errors`, so a door needs to know nothing of SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from procrastinate.contrib.django import app as jobs

from kb import audit, conf, gate
from kb.errors import Conflict, Refused, Unavailable
from kb.models import AuditEvent, Change, Client, Person
from policies.decisions import Decision

REFUSED_BY_DATABASE = "KB001"

# Columns and their types; ids and hashes are given by the database.
_CHANGE = {"kind": "text", "at": "timestamptz", "article_id": "bigint", "version_id": "bigint"}
_AUDIT = {
    "at": "timestamptz",
    **dict.fromkeys(("actor", "action", "subject", "old", "new", "why", "request_id"), "text"),
}
_CONFLICTS = {
    "version_one_open_draft": "There is an open draft of this article in this language already.",
    "period_no_overlap": "Another version took effect at the same time. Look again, then repeat.",
    "review_once_each": "You have decided on this version already.",
    "fact_revision_once": "Somebody else was adding the same value of a fact. Try again.",
    "article_source_id": "Another article with this source and external id exists already.",
    "kb_article_slug_key": "Another article with this address exists already.",
}


@dataclass(frozen=True)
class Actor:
    """Who acts: a person, a client's key, or a named machine (`system:up`)."""

    name: str
    person: Person | None = None

    @classmethod
    def of(cls, who: Person | Client) -> Actor:
        """Return the actor for a signed-in person or an authenticated client."""
        if isinstance(who, Person):
            return cls(name=f"person:{who.get_username()}", person=who)
        return cls(name=f"client:{who.name}")

    @classmethod
    def system(cls, name: str) -> Actor:
        """Return the named system actor that a machine acts as."""
        return cls(name=f"system:{name}")


@dataclass
class Work:
    """What one transaction is doing; `record` and `change` are written when it ends."""

    actor: Actor
    _audit: list[AuditEvent] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the clock; call it under the locks that the decision needs."""
        return gate.clock()

    def fence(self, article_ids: Iterable[int]) -> datetime:
        """Keep answers on these articles waiting until we commit; return the clock under it."""
        return gate.exclude(article_ids)

    def fence_all(self) -> datetime:
        """Keep every answer waiting until we commit; return the clock under it."""
        return gate.exclude_all()

    def record(
        self, action: str, subject: str, *, old: Any = None, new: Any = None, why: str = ""
    ) -> None:
        """Add an audit row: what was done to `subject` (`version:12`), from what, to what."""
        self._audit.append(
            AuditEvent(
                actor=self.actor.name,
                action=action,
                subject=subject,
                old=audit.canonical(old),
                new=audit.canonical(new),
                why=why,
                request_id=conf.request_id.get(),
            )
        )

    def change(
        self, kind: str, at: datetime, *, article_id: int | None, version_id: int | None = None
    ) -> None:
        """Add an item of /changes; a future `at` applies then."""
        self._changes.append(Change(kind=kind, at=at, article_id=article_id, version_id=version_id))

    def defer(self, task: str, **arguments: Any) -> None:
        """Put a job into this transaction: it exists if, and only if, we commit."""
        jobs.configure_task(task).defer(**arguments)

    def finish(self) -> None:
        """Write the change rows and the audit rows, in that order."""
        if self._changes:
            _insert(Change, self._changes, _CHANGE)
        if self._audit:
            at = gate.clock()
            for event in self._audit:
                event.at = at
            _insert(AuditEvent, self._audit, _AUDIT)


@contextmanager
def work(*, actor: Actor) -> Iterator[Work]:
    """Open the transaction of one action. Raises Refused, Conflict or Unavailable for the database.

    Rules look before they write, so the isolation level must be READ COMMITTED: what is read after
    a lock is then what its last holder committed.
    """
    with translated(), transaction.atomic():
        _require_read_committed()
        doing = Work(actor=actor)
        yield doing
        doing.finish()


def ensure(decision: Decision, error: type[Refused] = Refused) -> None:
    """Raise `error` with the decision's code and reason unless it allows."""
    if not decision:
        raise error(decision.reason, code=decision.code)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what PostgreSQL refuses into errors of `kb.errors`."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.LockNotAvailable):
            raise Conflict("Somebody else was changing the same thing. Try again.") from error
        raise Unavailable("The database can't be reached; nothing was changed.") from error
    except DatabaseError as error:
        cause = error.__cause__
        if not isinstance(cause, psycopg.Error):
            raise
        if cause.sqlstate == REFUSED_BY_DATABASE:
            raise Refused(
                _sentence(cause.diag.message_primary or ""), code=cause.diag.message_detail
            ) from error
        name = cause.diag.constraint_name or ""
        if isinstance(error, IntegrityError) and name in _CONFLICTS:
            raise Conflict(_CONFLICTS[name]) from error
        raise


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def _require_read_committed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        row = cursor.fetchone()
    if row is None or row[0] != "read committed":
        raise Refused(
            "Actions run in READ COMMITTED transactions; this one doesn't.", code="isolation_level"
        )


def _insert(model: type[Change] | type[AuditEvent], rows: list[Any], types: dict[str, str]) -> None:
    """Insert `rows` in order, in one statement: the chain's lock is taken once."""
    columns = ", ".join(types)
    places = ", ".join(f"%s::{kind}[]" for kind in types.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({columns}) "  # noqa: S608
            f"SELECT {columns} FROM unnest({places}) WITH ORDINALITY AS r({columns}, place) "
            "ORDER BY place",
            [[getattr(row, name) for row in rows] for name in types],
        )
