"""What caches and desks follow: the one order of changes, and the holds that stand.

It reads and never writes. A client follows only what its audience and scope include, so the feed
doesn't tell of texts that the client could not be served. Called by the doors.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from kb import gate
from kb.actions.work import translated
from kb.errors import Invalid
from kb.models import Client, Hold

_MOST_ROWS = 5_000

# Cursors have no gaps and become visible in their order, so all up to a head that was read stand.
_CHANGES = """SELECT c.cursor, c.kind, c.at, a.id, a.external_id, a.slug, v.id, v.number, v.language
FROM kb_change c LEFT JOIN kb_article a ON a.id = c.article_id
LEFT JOIN kb_version v ON v.id = c.version_id
WHERE c.cursor > %(after)s AND c.cursor <= %(upto)s AND (c.article_id IS NULL OR EXISTS (
  SELECT FROM kb_version w WHERE w.article_id = c.article_id
    AND (c.version_id IS NULL OR w.id = c.version_id) AND w.state IN ('published', 'retired')
    AND kb_audience_rank(w.audience) <= kb_audience_rank(%(audience)s) AND NOT EXISTS (
      SELECT FROM jsonb_each_text(w.scope) t WHERE %(scope)s::jsonb ->> t.key <> t.value)))
ORDER BY c.cursor LIMIT %(limit)s"""


def changes(
    *, client: Client, after: int = 0, limit: int = 100
) -> tuple[list[dict[str, Any]], int]:
    """Return the changes after the cursor `after`, in order, and the cursor to go on from.

    Nothing new gives no items and a cursor from which later ones will be found. Raises Invalid for
    a cursor that was never given out (a database restored from an older backup, for one).
    """
    with gate.answering(), translated(), connection.cursor() as cursor:
        cursor.execute("SELECT change_cursor FROM kb_chainhead")
        row = cursor.fetchone()
        head = int(row[0]) if row else 0
        if after > head:
            raise Invalid(
                {"after": "lies beyond the last change; drop what you cached, start at 0"}
            )
        upto = min(head, after + _MOST_ROWS)
        parameters: dict[str, Any] = {
            "after": after,
            "upto": upto,
            "audience": client.audience,
            "scope": Jsonb(client.scope),
            "limit": limit,
        }
        cursor.execute(_CHANGES, parameters)
        items = [_change(one) for one in cursor.fetchall()]
    return items, int(items[-1]["cursor"]) if len(items) == limit else upto


def standing_holds(*, after: int = 0, limit: int = 50) -> tuple[list[dict[str, Any]], int | None]:
    """Return the holds that stand, oldest first, after the id `after`, and where to go on."""
    with gate.answering(), translated():
        rows = list(
            Hold.objects.filter(lifted_at=None, pk__gt=after)
            .select_related("article", "version", "fact", "journey")
            .order_by("pk")[: limit + 1]
        )
    more = len(rows) > limit
    return [described(one) for one in rows[:limit]], rows[limit - 1].pk if more else None


def described(hold: Hold) -> dict[str, Any]:
    """Return a hold in the words in which it was placed."""
    kind, target = _target(hold)
    return {
        "id": hold.pk,
        "kind": kind,
        "target": target,
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": hold.placed_at,
    }


def _target(hold: Hold) -> tuple[str, str]:
    if hold.article is not None:
        return "article", hold.article.slug
    if hold.version is not None:
        return "version", str(hold.version.pk)
    if hold.fact is not None:
        return "fact", hold.fact.key
    if hold.journey is not None:
        return "journey", hold.journey.name
    return "passage", hold.passage_digest or ""


def _change(row: tuple[Any, ...]) -> dict[str, Any]:
    cursor, kind, at, article, external_id, slug, version, number, language = row
    return {
        "cursor": cursor,
        "kind": kind,
        "at": at,
        "article": (
            None if article is None else {"id": article, "external_id": external_id, "slug": slug}
        ),
        "version": (
            None if version is None else {"id": version, "number": number, "language": language}
        ),
    }
