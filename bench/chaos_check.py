"""What must hold after each blow of `bench.chaos`; run in a process of its own.

Reads {"answers": [..], "versions": [..], "imports": [..]} (what was acknowledged) from standard
input and prints a JSON list of broken promises.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from bench.chaos import RECORDS  # noqa: E402

INVARIANTS = {
    "a published version lacks its approvals": """SELECT count(*) FROM kb_version v
        WHERE v.state = 'published' AND NOT kb_approved(v)""",
    "a published version lacks its period": """SELECT count(*) FROM kb_version v
        WHERE v.state = 'published'
        AND NOT EXISTS (SELECT FROM kb_period p WHERE p.version_id = v.id)""",
    "a digest isn't that of the content": """SELECT count(*) FROM kb_version v
        WHERE v.digest IS NOT NULL AND v.digest <> kb_version_digest(v)""",
    "two periods overlap": """SELECT count(*) FROM kb_period a JOIN kb_period b
        ON a.article_id = b.article_id AND a.language = b.language AND a.id < b.id
        AND a.in_force && b.in_force""",
    "an answer lacks its content": """SELECT count(*) FROM kb_answer a WHERE NOT EXISTS
        (SELECT FROM kb_answercontent c WHERE c.answer_id = a.id)""",
    "an import is half there": f"""SELECT count(*) FROM (SELECT source FROM kb_article
        WHERE source LIKE 'chaos-%%' GROUP BY source HAVING count(*) <> {RECORDS}) s""",
}
ACKNOWLEDGED = {
    "answers": "SELECT id::text FROM kb_answer WHERE id = ANY(%s::uuid[])",
    "versions": """SELECT id::text FROM kb_version
        WHERE id = ANY(%s::bigint[]) AND state = 'published'""",
    "imports": "SELECT DISTINCT source FROM kb_article WHERE source = ANY(%s)",
}


def _column(sql: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]


def broken(acknowledged: dict[str, list[str]]) -> Iterator[str]:
    """Yield each promise that doesn't hold."""
    for name, sql in INVARIANTS.items():
        [count] = _column(sql, [])
        if count:
            yield f"{name} ({count})"
    for name, sql in ACKNOWLEDGED.items():
        lost = set(acknowledged[name]) - set(_column(sql, [acknowledged[name]]))
        if lost:
            yield f"{len(lost)} acknowledged {name} are lost, such as {min(lost)}"


if __name__ == "__main__":
    print(json.dumps(list(broken(json.load(sys.stdin)))))
