"""What the indexes read from the database: passages, the order of changes, whose database it is.

Decides which passages are indexed at all: those of published versions whose period hasn't ended.
Never decides what may be served. Read-only. Called by `kb.search.keeper`. Every function raises
django.db.Error if PostgreSQL can't be asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from kb.search.entries import Entry
from kb.search.manifest import Mark
from policies import audience

MOST_CHANGES = 5000
"""More new changes than this aren't read one by one: the index is rebuilt."""

_PAGE = 2000
# Of these kinds a change may alter which passages are held.
_TELLING = ("published", "in_effect", "superseded", "expired", "retired")

_INDEXED = """
FROM kb_passage p JOIN kb_version v ON v.id = p.version_id
JOIN kb_period f ON f.version_id = v.id
WHERE v.state = 'published' AND NOT p.placeholder
  AND (f.ends_at IS NULL OR (f.ends_at > f.starts_at AND f.ends_at > kb_clock()))
"""
_ENTRIES = f"""
SELECT p.id, v.article_id, v.id, v.language, p.audience, v.title, p.headings, p.text,
  p.embedding_key
{_INDEXED} AND p.id > %(after)s
  AND (%(articles)s::bigint[] IS NULL OR v.article_id = ANY(%(articles)s::bigint[]))
ORDER BY p.id LIMIT %(page)s
"""


@dataclass(frozen=True)
class Head:
    """Where the database is: which one, its last change, and the seal of its audit chain.

    The seal tells two pasts with the same number of changes apart.
    """

    database: str
    cursor: int
    seal: str


def head() -> Head:
    """Return where the database is. One tiny query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.oid::bigint, h.change_cursor, h.audit_hash FROM kb_chainhead h, "
            "pg_database d WHERE h.id = 1 AND d.datname = current_database()"
        )
        oid, change_cursor, seal = cursor.fetchone()
    place = connection.settings_dict
    system = _system(str(place["HOST"]), str(place["PORT"]))
    return Head(database=f"{system}-{oid}", cursor=change_cursor, seal=seal)


@lru_cache(maxsize=8)
def _system(host: str, port: str) -> str:
    """The cluster's own identifier, or, where it may not be asked for, its address."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_function_privilege('pg_control_system()', 'execute')")
        if not cursor.fetchone()[0]:
            return hashlib.sha256(f"{host} {port}".encode()).hexdigest()[:16]
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        return str(cursor.fetchone()[0])


def databases() -> set[int]:
    """Return the object ids of the databases that the cluster has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid::bigint FROM pg_database")
        return {row[0] for row in cursor.fetchall()}


def last_change() -> Mark | None:
    """Return the last change, or None where nothing has ever happened."""
    found = _changes("ORDER BY cursor DESC LIMIT 1", [])
    return found[0] if found else None


def changes_from(cursor: int) -> list[Mark]:
    """Return the change `cursor` itself and those after it, in order; one over MOST_CHANGES."""
    return _changes("WHERE cursor >= %s ORDER BY cursor LIMIT %s", [cursor, MOST_CHANGES + 1])


def _changes(condition: str, values: Sequence[int]) -> list[Mark]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT cursor, kind, at, article_id, version_id FROM kb_change {condition}",  # noqa: S608
            values,
        )
        return [
            Mark(cursor=row[0], kind=row[1], at=row[2].isoformat(), article_id=row[3],
                 version_id=row[4])
            for row in cursor.fetchall()
        ]  # fmt: skip


def articles_of(changes: Iterable[Mark]) -> set[int]:
    """Return the articles of which other passages may be held after these changes."""
    return {
        change.article_id
        for change in changes
        if change.article_id is not None and change.kind in _TELLING
    }


def entries(article_ids: Iterable[int] | None = None) -> Iterator[list[Entry]]:
    """Return the passages to index in ascending order of their ids, page by page.

    All of them, or those of some articles.
    """
    articles = None if article_ids is None else sorted(article_ids)
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_ENTRIES, {"after": after, "articles": articles, "page": _PAGE})
            page = [_entry(row) for row in cursor.fetchall()]
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1].passage_id


def count() -> int:
    """Return how many passages there are to index."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {_INDEXED}")
        return int(cursor.fetchone()[0])


def _entry(row: tuple[Any, ...]) -> Entry:
    passage, article, version, language, level, title, headings, text, key = row
    return Entry(
        passage_id=passage,
        article_id=article,
        version_id=version,
        language=language,
        audience=int(audience.parse(level)),
        title=title,
        headings=headings_of(headings),
        text=text,
        embedding_key=key,
    )


def headings_of(value: Any) -> tuple[str, ...]:
    """Return a heading path as PostgreSQL gives it: JSON text, or already read."""
    return tuple(json.loads(value) if isinstance(value, str) else value)
