"""Recall over 1,000,000 stored answers: how long a page takes, first and deep.

The rows are made by the owner with the tables' triggers off, since no service answers a million
questions within a bench; the pages are read as the application's role, through the action.
Run after `make bench`, in its database; docs/figures.md has the command.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import django

django.setup()

from django.db import connection, connections, transaction  # noqa: E402

from kb.actions import recalling  # noqa: E402

ANSWERS = 1_000_000
GUARDED = ("kb_answer", "kb_answerpassage", "kb_answercontent")

FILL = """
INSERT INTO kb_answer (id, client_id, decision, reason, probability, threshold, question_hash,
  language, audience, scope, channel, purpose, historical, served_at, valid_until, request_id)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  (SELECT min(id) FROM kb_client), 'answer', 'grounded', .9, .5, md5(n::text), 'en', 'public',
  '{}', 'web', 'live', false, at, at + interval '5 minutes', 'bench'
FROM generate_series(1, %(answers)s) n,
  LATERAL (SELECT now() - n * interval '3 seconds' AS at) t;
INSERT INTO kb_answerpassage (answer_id, rank, passage_id, version_id, article_id, score, served_at)
SELECT a.id, 1, p.id, p.version_id, v.article_id, .8, a.served_at
FROM (SELECT id, served_at, row_number() OVER () AS n FROM kb_answer WHERE request_id = 'bench') a
JOIN (SELECT id, version_id, row_number() OVER (ORDER BY id) - 1 AS place FROM kb_passage
      ORDER BY id LIMIT 40) p ON p.place = a.n %% 40
JOIN kb_version v ON v.id = p.version_id;
INSERT INTO kb_answercontent (answer_id, question, turns, conversation, customer, retain_until)
SELECT id, 'how long does it take', '[]', 'c-' || id, '', served_at + interval '90 days'
FROM kb_answer WHERE request_id = 'bench';
"""


def fill() -> None:
    """Store the answers."""
    owner = connections["owner"]
    with transaction.atomic(using="owner"), owner.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in FILL.split(";\n"):
            if statement.strip():
                cursor.execute(statement, {"answers": ANSWERS})
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with owner.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ANALYZE {table}")


def timed(what: str, ask: Callable[[], object]) -> None:
    """Print the median and the slowest of 30 reads, in milliseconds."""
    ask()
    samples = []
    for _ in range(30):
        began = time.perf_counter()
        ask()
        samples.append((time.perf_counter() - began) * 1000)
    print(f"| {what} | {statistics.median(samples):.1f} ms | {max(samples):.1f} ms |", flush=True)


def main() -> None:
    """Fill if needed, then time each way to recall."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kb_answer")
        stored = cursor.fetchone()[0]
    if stored < ANSWERS:
        fill()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.id, a.slug FROM kb_answerpassage p JOIN kb_version v ON v.id = p.version_id "
            "JOIN kb_article a ON a.id = v.article_id LIMIT 1"
        )
        version, slug = cursor.fetchone()
    print(f"\nRecall over {max(stored, ANSWERS):,} stored answers, a page of 50:\n")
    print("| by | median | slowest of 30 |\n|---|---|---|")
    first = recalling.recall(kind="version", target=str(version))
    page = first
    for _ in range(20):
        page = recalling.recall(kind="version", target=str(version), after=page.next)
    timed("version", lambda: recalling.recall(kind="version", target=str(version)))
    timed(
        "version, page 20",
        lambda: recalling.recall(kind="version", target=str(version), after=page.next),
    )
    timed("article", lambda: recalling.recall(kind="article", target=slug))
    if not first.items:
        sys.exit("recall found nothing: the figures above prove nothing")


if __name__ == "__main__":
    main()
