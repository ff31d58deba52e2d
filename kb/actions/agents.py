"""The library as an agent sees it: what the gate serves to internal, and nothing else.

Words only propose; every passage is judged by the gate before anything of its version is shown. It
reads and never writes. Called by the pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from django.db import connection

from kb import gate
from kb.actions import catalogue, dossier, listing
from kb.actions.catalogue import PAGE, Shelf, Shelved, Wanted
from kb.actions.dossier import Part
from kb.actions.listing import IN_EFFECT, Line
from kb.conf import settings
from kb.errors import NotFound
from kb.gate import Caller, Judged
from kb.models import Passage
from policies.audience import parse

INTERNAL = Caller(audience="internal")
_PROPOSED = f"""SELECT p.id FROM kb_passage p JOIN kb_version v ON v.id = p.version_id
JOIN kb_period f ON f.version_id = v.id
WHERE {IN_EFFECT} AND (to_tsvector('english', p.text) @@ websearch_to_tsquery('english', %(words)s)
  OR v.title ILIKE %(title)s)
ORDER BY (v.title ILIKE %(title)s) DESC, ts_rank_cd(to_tsvector('english', p.text),
  websearch_to_tsquery('english', %(words)s)) DESC, p.id LIMIT 300"""  # noqa: S608


@dataclass(frozen=True)
class Shown:
    """An article as the gate serves it to an agent, in one language; `others` are further ones."""

    first: Judged
    parts: list[Part]
    others: list[str]
    incomplete: bool

    @property
    def audience(self) -> str:
        """Whom the least guarded part of it may be told."""
        return min((part.audience for part in self.parts), key=parse)


def shelf(wanted: Wanted, *, after: str = "", limit: int = PAGE) -> Shelf:
    """Return a page of the versions in effect of which the gate serves at least one passage.

    Words are looked up in what is in effect alone, so that a draft's words find nothing. A page may
    be shorter than `limit` where the gate refuses; `next` says whether there are more.
    """
    if wanted.words:
        lines = listing.lines(
            where="v.id = ANY(%(ids)s)",
            order="array_position(%(ids)s, v.id)",
            limit=limit,
            values={"ids": _found(wanted.words)[:limit]},
        )
        kept = [line for line in lines if _is_wanted(line, wanted)]
        return Shelf([Shelved(_as_served(line)) for line in kept], "", None)
    in_effect = Wanted(**{**wanted.__dict__, "state": "in_effect"})
    proposed = catalogue.shelf(in_effect, after=after, limit=limit)
    ids = [one.line.version_id for one in proposed.lines]
    passages = Passage.objects.filter(version__in=ids).values_list("pk", flat=True)
    servable = set(_servable(list(passages)))
    lines = [one.line for one in proposed.lines if one.line.version_id in servable]
    return Shelf([Shelved(_as_served(line)) for line in lines], proposed.next, None)


def article(slug: str, language: str = "") -> Shown:
    """Return what the gate serves of an article, in `language` if it has that. Raises NotFound."""
    judged = gate.read_article(slug, caller=INTERNAL)
    allowed = [one for one in judged if one.refusal is None]
    if not allowed:
        raise NotFound("There is no such article, or it isn't yours to see.")
    by_language = {
        key: list(group)
        for key, group in groupby(
            sorted(allowed, key=lambda one: (one.language, one.ordinal)),
            key=lambda one: one.language,
        )
    }
    wanted = [language, settings().default_language, *by_language]
    chosen = next(tag for tag in wanted if tag in by_language)
    mine = by_language[chosen]
    whole = [one for one in judged if one.version_id == mine[0].version_id]
    return Shown(
        first=mine[0],
        parts=dossier.parts_of(mine),
        others=[tag for tag in by_language if tag != chosen],
        incomplete=len(whole) > len(mine),
    )


def _found(words: str) -> list[int]:
    """Return the versions with a servable passage that has the words, the best first."""
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(_PROPOSED, {"words": words, "title": f"%{_literal(words)}%"})
        proposed = [row[0] for row in cursor.fetchall()]
    return list(dict.fromkeys(_servable(proposed)))


def _servable(passage_ids: list[int]) -> list[int]:
    """Return the version of each passage that the gate lets through, in the given order."""
    _at, judged = gate.judge(passage_ids, caller=INTERNAL)
    return [one.version_id for one in judged if one.refusal is None]


def _is_wanted(line: Line, wanted: Wanted) -> bool:
    pairs = (
        (wanted.kind, line.kind),
        (wanted.audience, line.audience),
        (wanted.journey, line.journey),
        (wanted.owner, line.owner),
    )
    return all(not asked or asked == has for asked, has in pairs)


def _literal(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def _as_served(line: Line) -> Line:
    """What keeps a part back isn't an agent's business; the line reads as in effect."""
    return Line(**{**line.__dict__, "out_of_service": None})
