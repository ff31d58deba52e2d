"""The editors' search: every article's latest text in every state, by free words and fields.

Decides what is found and in which order; never what a person may see: the caller reads permissions
from the database again. An index on Whoosh in KB_HOME, brought up to date before each search and
rebuilt after any damage. Called by the people's pages.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from whoosh import analysis, fields, index, qparser, query
from whoosh.searching import Results

from kb.conf import settings
from kb.search import source
from kb.search.highlighting import highlighted
from kb.search.locking import only_writer

logger = logging.getLogger("kb.search")

FILTERS = ("state", "kind", "audience", "journey", "owner", "language")
FORMAT = 1

_SEEN = "seen.json"
_WAIT_S = 30.0
_AT_ONCE = 500
"""Texts taken in while somebody waits, about two seconds' work; the rest with later searches."""
_READ_AT_ONCE = 500
_TITLE_WEIGHT = 3.0
_LONGEST_QUERY = 300
# What a damaged index raises: Whoosh has no error of its own for it.
_DAMAGE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, AssertionError,
    NameError, OverflowError, MemoryError, ImportError, struct.error, zlib.error, index.IndexError,
)  # fmt: skip

_LATEST = """
SELECT DISTINCT ON (v.article_id, v.language) v.id, v.article_id, v.language,
  concat_ws(' ', v.state, v.edits, v.edited_at, g.name, j.name) AS signature
FROM kb_version v JOIN kb_article a ON a.id = v.article_id
JOIN kb_ownergroup g ON g.id = a.owner_group_id LEFT JOIN kb_journey j ON j.id = a.journey_id
ORDER BY v.article_id, v.language, v.id DESC
"""
_TEXTS = """
SELECT v.id, v.article_id, v.language, a.slug, v.title, v.body, v.state, v.kind, v.audience,
  coalesce(j.name, ''), g.name
FROM kb_version v JOIN kb_article a ON a.id = v.article_id
JOIN kb_ownergroup g ON g.id = a.owner_group_id LEFT JOIN kb_journey j ON j.id = a.journey_id
WHERE v.id = ANY(%s)
"""


@dataclass(frozen=True)
class Hit:
    """An article that was found. `highlight` is HTML: escaped text with the words in <mark>."""

    article_id: int
    version_id: int
    score: float
    highlight: str


def _schema() -> fields.Schema:
    words = analysis.StemmingAnalyzer(minsize=1, stoplist=None)
    exact = analysis.IDAnalyzer(lowercase=True)
    return fields.Schema(
        key=fields.ID(unique=True, stored=True),
        article_id=fields.STORED,
        version_id=fields.STORED,
        title=fields.TEXT(analyzer=words, stored=True),
        body=fields.TEXT(analyzer=words),
        slug=fields.TEXT(analyzer=analysis.SimpleAnalyzer()),
        **{name: fields.ID(analyzer=exact) for name in FILTERS},
    )


def search_library(
    *, text: str, filters: Mapping[str, str] | None = None, limit: int = 50
) -> list[Hit]:
    """Return articles whose latest text has any of the words, best first; titles weigh more.

    `text` may hold phrases, `field:word`, wildcards. `filters` narrow by FILTERS, exactly. Without
    text all that the filters leave is found. Raises django.db.Error, ValueError for an unknown
    filter, or OSError if no index can be written.
    """
    unknown = sorted(set(filters or {}) - set(FILTERS))
    if unknown:
        raise ValueError(f"{unknown[0]}: not a filter; use one of {', '.join(FILTERS)}")
    library = _library()
    try:
        library.refresh()
        return library.search(text[:_LONGEST_QUERY], filters or {}, limit)
    except _DAMAGE as error:
        logger.error("the editors' index is damaged and is rebuilt: %r", error)
    library.remove()
    library.refresh()
    return library.search(text[:_LONGEST_QUERY], filters or {}, limit)


def rebuild_library() -> None:
    """Make the index anew, whole. Raises django.db.Error or OSError."""
    library = _library()
    library.remove()
    library.refresh(most=None)


class _Library:
    """The index in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remove(self) -> None:
        """Remove all of it, to begin anew."""
        with only_writer(self._folder, wait_s=_WAIT_S):
            for path in self._folder.iterdir():
                if path.name != "writer.lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def refresh(self, *, most: int | None = _AT_ONCE) -> None:
        """Take in what has changed since the last time, the newest first, `most` texts at once.

        Another writer's work is enough: what it has done by then is searched.
        """
        stamp = _stamp()
        if self._seen().get("stamp") == stamp:
            return
        with only_writer(self._folder, wait_s=_WAIT_S) as alone:
            if not alone:
                return
            seen = self._seen()
            if seen.get("stamp") == stamp:
                return
            self._take_in(seen.get("signatures", {}), stamp, most)

    def _take_in(self, before: dict[str, str], stamp: str, most: int | None) -> None:
        present = _latest()
        found = self._open() if before else self._create()
        changed = [key for key, (_, mark) in present.items() if before.get(key) != mark]
        changed.sort(key=lambda key: -present[key][0])
        now = changed[:most]
        gone = [key for key in before if key not in present]
        if now or gone:
            _write(found, [present[key][0] for key in now], gone)
        after = {key: before[key] for key in before if key in present}
        after |= {key: present[key][1] for key in now}
        done = stamp if len(now) == len(changed) else ""
        self._keep({"format": FORMAT, "stamp": done, "signatures": after})

    def _seen(self) -> dict[str, Any]:
        path = self._folder / _SEEN
        try:
            seen = dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError) as error:
            logger.warning("%s is damaged, so the editors' index is rebuilt: %s", path, error)
            return {}
        return seen if seen.get("format") == FORMAT else {}

    def _keep(self, seen: dict[str, Any]) -> None:
        temporary = self._folder / f".{_SEEN}"
        temporary.write_text(json.dumps(seen), encoding="utf-8")
        temporary.replace(self._folder / _SEEN)

    def _create(self) -> index.FileIndex:
        return index.create_in(self._folder, _schema())

    def _open(self) -> index.FileIndex:
        return index.open_dir(self._folder)

    def search(self, text: str, filters: Mapping[str, str], limit: int) -> list[Hit]:
        """Return the best hits, one an article."""
        found = self._open()
        narrowed = [query.Term(name, value.lower()) for name, value in filters.items() if value]
        with found.searcher() as searcher:
            results = searcher.search(
                _parsed(text, found.schema),
                limit=limit * 2,  # an article may be there in two languages
                filter=query.And(narrowed) if narrowed else None,
                terms=True,
            )
            return _hits(results, limit)


def _parsed(text: str, schema: fields.Schema) -> query.Query:
    if not text.strip():
        return query.Every()
    parser = qparser.MultifieldParser(
        ["title", "body", "slug"],
        schema,
        fieldboosts={"title": _TITLE_WEIGHT},
        group=qparser.OrGroup.factory(0.9),
    )
    return parser.parse(text)


def _hits(results: Results, limit: int) -> list[Hit]:
    stems = {
        term.decode("utf-8", "replace")
        for field, term in results.matched_terms()
        if field in {"title", "body", "slug"}
    }
    best: dict[int, Any] = {}
    for hit in results:
        best.setdefault(hit["article_id"], hit)
    chosen = list(best.values())[:limit]
    bodies = _bodies([hit["version_id"] for hit in chosen])
    return [
        Hit(
            article_id=hit["article_id"],
            version_id=hit["version_id"],
            score=float(hit.score or 0.0),
            highlight=highlighted(bodies[hit["version_id"]], stems)
            or highlighted(hit["title"], stems),
        )
        for hit in chosen
        if hit["version_id"] in bodies
    ]


def _bodies(version_ids: Sequence[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, body FROM kb_version WHERE id = ANY(%s)", [list(version_ids)])
        return dict(cursor.fetchall())


def _library() -> _Library:
    return _Library(settings().home / "indexes" / source.head().database / "library")


def _stamp() -> str:
    """Return what changes with every action that is recorded, and with its whole past."""
    return hashlib.sha256(repr(source.head()).encode()).hexdigest()


def _latest() -> dict[str, tuple[int, str]]:
    """Return by article and language the latest version and what tells its states apart."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST)
        return {
            f"{article}:{language}": (version, f"{version} {signature}")
            for version, article, language, signature in cursor.fetchall()
        }


def _write(found: index.FileIndex, version_ids: Sequence[int], gone: Iterable[str]) -> None:
    writer = found.writer(limitmb=64)
    try:
        for key in gone:
            writer.delete_by_term("key", key)
        for start in range(0, len(version_ids), _READ_AT_ONCE):
            for document in _documents(version_ids[start : start + _READ_AT_ONCE]):
                writer.update_document(**document)
    except BaseException:
        writer.cancel()
        raise
    writer.commit()


def _documents(version_ids: Sequence[int]) -> list[dict[str, Any]]:
    names = ("title", "body", "state", "kind", "audience", "journey", "owner")
    with connection.cursor() as cursor:
        cursor.execute(_TEXTS, [list(version_ids)])
        return [
            {
                "key": f"{row[1]}:{row[2]}",
                "version_id": row[0],
                "article_id": row[1],
                "language": row[2],
                "slug": row[3],
                **dict(zip(names, row[4:], strict=True)),
            }
            for row in cursor.fetchall()
        ]
