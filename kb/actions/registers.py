"""The registers: holds, facts, audit rows and clients, as pages list them.

It reads and never writes. Which role may open which register is for the page and `kb.access`.
Called by the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from kb.errors import NotFound
from kb.models import AuditEvent, Client, Hold, Passage, Person, Version

_TARGETS = ("article", "version__article", "fact", "journey", "lifted_by")


@dataclass(frozen=True)
class Held:
    """A hold with what it keeps out of service, in words, and where that is read."""

    hold: Hold
    kind: str
    words: str
    slug: str
    number: int | None
    placed_by: str


@dataclass(frozen=True)
class _Names:
    """What the rows of holds refer to, fetched together: passages, titles, people's names."""

    passages: dict[str, Passage]
    titles: dict[int, str]
    people: dict[str, str]


def holds(*, lifted: bool = False, before: int | None = None, limit: int = 50) -> list[Held]:
    """Return the holds that stand (or were lifted), the latest first, from below id `before`."""
    found = Hold.objects.filter(lifted_at__isnull=not lifted).select_related(*_TARGETS)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[:limit])
    names = _names(rows)
    return [_held(row, names) for row in rows]


def hold(hold_id: int) -> Held:
    """Return one hold. Raises NotFound."""
    rows = list(Hold.objects.filter(pk=hold_id).select_related(*_TARGETS))
    if not rows:
        raise NotFound("There is no such hold, or it isn't yours to see.")
    return _held(rows[0], _names(rows))


def _names(rows: Sequence[Hold]) -> _Names:
    """Fetch what holds refer to, in three statements however many they are."""
    passages = (
        Passage.objects.filter(
            digest__in=[row.passage_digest for row in rows if row.passage_digest]
        )
        .select_related("version__article")
        .order_by("version_id")
    )
    titles = (
        Version.objects.filter(article__in=[row.article_id for row in rows if row.article_id])
        .exclude(published_at=None)
        .order_by("published_at")
        .values_list("article_id", "title")
    )
    placers = [row.placed_by.removeprefix("person:") for row in rows]
    return _Names(
        passages={passage.digest: passage for passage in passages},
        titles=dict(titles),
        people={
            f"person:{person.get_username()}": person.get_full_name()
            for person in Person.objects.filter(username__in=placers)
        },
    )


def _held(row: Hold, names: _Names) -> Held:
    by = names.people.get(row.placed_by) or row.placed_by
    if row.article is not None:
        slug = row.article.slug
        return Held(row, "article", names.titles.get(row.article.pk, slug), slug, None, by)
    if row.version is not None:
        words = f"{row.version.title}, version {row.version.number or 'draft'}"
        return Held(row, "version", words, row.version.article.slug, row.version.number, by)
    if row.passage_digest is not None:
        passage = names.passages.get(row.passage_digest)
        if passage is None:
            return Held(row, "passage", row.passage_digest[:12], "", None, by)
        words = " › ".join([passage.version.title, *passage.headings])
        version = passage.version
        return Held(row, "passage", words, version.article.slug, version.number, by)
    if row.fact is not None:
        return Held(row, "fact", row.fact.key, "", None, by)
    return Held(row, "journey", row.journey.name if row.journey else "", "", None, by)


def latest_events(limit: int) -> list[AuditEvent]:
    """Return the last rows of the audit, the latest first."""
    return list(AuditEvent.objects.order_by("-id")[:limit])


@dataclass(frozen=True)
class Known:
    """A client with its keys: how many work now, and when the last one was made."""

    client: Client
    keys: int
    last_key_at: datetime | None


def clients() -> list[Known]:
    """Return every client by name, with how many of its keys work."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT client_id, count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL
                 OR expires_at > kb_clock())), max(created_at) FROM kb_clientkey GROUP BY 1"""
        )
        keys = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    return [
        Known(client, *keys.get(client.pk, (0, None))) for client in Client.objects.order_by("name")
    ]


def client_count() -> int:
    """Return how many clients there are."""
    return Client.objects.count()
