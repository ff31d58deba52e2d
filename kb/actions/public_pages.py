"""The public page of a version, as the gate lets it be: whole, in part, or gone.

It reads and never writes; everything it returns as text went through the gate for the audience
public. Called by the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kb import gate
from kb.actions import dossier
from kb.actions.dossier import Part
from kb.conf import settings
from kb.errors import NotFound
from kb.gate import Caller, Judged
from policies.eligibility import Refusal, foremost

PUBLIC = Caller(audience="public")
# It governed once, and the public may know that it did.
_ENDED = frozenset({Refusal.superseded, Refusal.retired, Refusal.expired})
# It governs, and can't be shown now.
_PAUSED = frozenset(
    {
        Refusal.on_hold,
        Refusal.review_overdue,
        Refusal.fact_superseded,
        Refusal.journey_not_ready,
    }
)
_NOT_HERE = "There is no such page, or it isn't public."


@dataclass(frozen=True)
class Cited:
    """What may be shown of a version. Without parts it can't be: `why` is ended or paused.

    `title` is empty then, for the title is text too. `replaced_by` is the number that governs.
    """

    slug: str
    number: int
    language: str
    digest: str
    title: str
    parts: list[Part]
    why: str
    starts_at: datetime | None
    ends_at: datetime | None
    scope: dict[str, str]
    replaced_by: int | None
    replaced_by_title: str


def cited(slug: str, number: int) -> Cited:
    """Return the version's public page. Raises NotFound where it was never public."""
    judged = gate.read_article(slug, caller=PUBLIC)
    mine = [one for one in judged if one.number == number]
    shown = [one for one in mine if one.refusal is None]
    refusals = {one.refusal for one in mine if one.refusal is not None}
    if not shown and not refusals & (_ENDED | _PAUSED):
        raise NotFound(_NOT_HERE)
    first = (shown or mine)[0]
    successor = _governing([one for one in judged if one.number != number], [first.language])
    why = ""
    if not shown:
        told = foremost(refusals & (_ENDED | _PAUSED))
        why = "ended" if told in _ENDED else "paused"
    return Cited(
        slug=slug,
        number=number,
        language=first.language,
        digest=first.digest,
        title=first.title if shown else "",
        parts=dossier.parts_of(shown),
        why=why,
        starts_at=first.starts_at,
        ends_at=first.ends_at,
        scope=first.scope if shown else {},
        replaced_by=successor.number if successor and why == "ended" else None,
        replaced_by_title=successor.title if successor and why == "ended" else "",
    )


def governing_number(slug: str, languages: Sequence[str]) -> int:
    """Return the number of the version that governs publicly, in the best of `languages`.

    Raises NotFound where none does.
    """
    judged = gate.read_article(slug, caller=PUBLIC)
    found = _governing(judged, [*languages, settings().default_language])
    found = found or _governing(judged, [one.language for one in judged])
    if found is None:
        raise NotFound(_NOT_HERE)
    return found.number


def _governing(judged: Sequence[Judged], languages: Sequence[str]) -> Judged | None:
    """Return the first passage that may be served in the first of `languages` that has any."""
    allowed = [one for one in judged if one.refusal is None]
    for language in languages:
        wanted = language.lower()
        for one in allowed:
            tag = one.language.lower()
            if tag == wanted or tag == wanted.partition("-")[0]:
                return one
    return None
