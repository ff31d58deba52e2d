"""The library as an agent sees it: what the gate serves to internal, and nothing else.

Titles only propose; every passage is judged by the gate before anything of its version is shown. It
reads and never writes. Called by the pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from kb import gate
from kb.actions import catalogue, dossier
from kb.actions.catalogue import PAGE, Shelf, Wanted
from kb.actions.dossier import Part
from kb.actions.listing import Line
from kb.conf import settings
from kb.errors import NotFound
from kb.gate import Caller, Judged
from kb.models import Passage

INTERNAL = Caller(audience="internal")


@dataclass(frozen=True)
class Shown:
    """An article as the gate serves it to an agent, in one language; `others` are further ones."""

    first: Judged
    parts: list[Part]
    others: list[str]
    incomplete: bool


def shelf(wanted: Wanted, *, after: str = "", limit: int = PAGE) -> Shelf:
    """Return a page of the versions in effect of which the gate serves at least one passage.

    A page may be shorter than `limit` where the gate refuses; `next` says whether there are more.
    """
    in_effect = Wanted(**{**wanted.__dict__, "state": "in_effect"})
    proposed = catalogue.shelf(in_effect, after=after, limit=limit)
    servable = _servable([line.version_id for line in proposed.lines])
    lines = [line for line in proposed.lines if line.version_id in servable]
    return Shelf(lines=[_as_served(line) for line in lines], next=proposed.next, total=None)


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
        parts=dossier.parts_of(mine, narrowest_shown="public"),
        others=[tag for tag in by_language if tag != chosen],
        incomplete=len(whole) > len(mine),
    )


def _servable(version_ids: list[int]) -> set[int]:
    passages = Passage.objects.filter(version__in=version_ids).values_list("pk", flat=True)
    _at, judged = gate.judge(list(passages), caller=INTERNAL)
    return {one.version_id for one in judged if one.refusal is None}


def _as_served(line: Line) -> Line:
    """What keeps a part back isn't an agent's business; the line reads as in effect."""
    return Line(**{**line.__dict__, "out_of_service": None})
