"""The audit rows: how one is described, and how the chain is verified offline.

The database gives id and hashes (`kb/migrations/sql/records.sql`); this module says the same in
Python, so that a copy of the rows can be checked anywhere. It never writes: actions do, through
`kb.actions.work`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from kb.models import AuditEvent, ChainHead

GENESIS = "0" * 64


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the chain: at which row, and what."""

    audit_id: int
    what: str


@dataclass(frozen=True)
class Row:
    """An audit row as the chain hashes it."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    old: str
    new: str
    why: str
    request_id: str
    previous_hash: str
    hash: str


def canonical(value: Any) -> str:
    """Return `value` as the one JSON text that is stored and hashed ('' for None)."""
    if value is None:
        return ""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def row_hash(row: Row) -> str:
    """Return the SHA-256 that `row` must carry, in hex."""
    at = row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = (
        row.previous_hash, str(row.id), at, row.actor, row.action, row.subject,
        row.old, row.new, row.why, row.request_id,
    )  # fmt: skip
    text = "".join(f"{len(field.encode())}:{field}" for field in fields)
    return hashlib.sha256(text.encode()).hexdigest()


def faults(rows: Iterable[Row], *, head_id: int, head_hash: str) -> Iterator[Fault]:
    """Yield what is wrong with `rows` (in id order): altered, removed, reordered or cut off.

    After a fault the walk goes on from the row as it stands, so each fault is named once.
    """
    expected_id, previous = 1, GENESIS
    for row in rows:
        if row.id != expected_id:
            yield Fault(expected_id, f"removed: rows {expected_id} to {row.id - 1} are missing")
        elif row.previous_hash != previous:
            yield Fault(row.id, "reordered: it doesn't follow the row before it")
        if row_hash(row) != row.hash:
            yield Fault(row.id, "altered: its content isn't what was hashed")
        expected_id, previous = row.id + 1, row.hash
    if expected_id - 1 != head_id or (previous != head_hash):
        yield Fault(
            expected_id, f"cut off: the head says row {head_id} with hash {head_hash[:12]}…"
        )


def stored_rows() -> Iterator[Row]:
    """Yield the audit rows as stored, in order, without loading them all."""
    names = tuple(Row.__dataclass_fields__)
    for values in AuditEvent.objects.order_by("id").values_list(*names).iterator(chunk_size=2000):
        yield Row(*values)


def verify() -> list[Fault]:
    """Return the faults of the stored chain; an empty list means it holds.

    Reads rows and head in one snapshot, so that an action that commits meanwhile isn't a fault.
    """
    with connection.cursor() as cursor:
        if not connection.in_atomic_block:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            cursor.execute("SELECT audit_id, audit_hash FROM kb_chainhead")
            head_id, head_hash = cursor.fetchone() or (0, GENESIS)
            return list(faults(stored_rows(), head_id=head_id, head_hash=head_hash))
        finally:
            if not connection.in_atomic_block:
                cursor.execute("COMMIT")


def head() -> ChainHead:
    """Return the chain's head, to be anchored outside (printed by `verify_audit`)."""
    return ChainHead.objects.get(pk=1)
