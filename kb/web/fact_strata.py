"""The strata of a fact: its values as layers on one axis of time, a row for each scope.

Draws the numbers for the same SVG that shows an article's versions; it reads the stretches it is
given and decides nothing. Called by the page of a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kb.actions.fact_desk import Stretch
from kb.web import words
from kb.web.strata import GAP, LEAST_WIDTH, ROW, WIDTH, Layer, Strata

_TOP = 4
_LEAST = timedelta(days=14)


def strata(stretches: Sequence[Stretch]) -> Strata | None:
    """Return the drawing of the values that governed, do or will; None where none did."""
    if not stretches:
        return None
    now = stretches[0].now
    first = min([*(one.starts_at for one in stretches), now - _LEAST])
    last = max([*(one.ends_at or one.starts_at for one in stretches), now])
    last = max(last + (last - first) * 0.06, now + (now - first) * 0.12)
    scopes = sorted({_scope(one) for one in stretches}, key=lambda scope: (len(scope), scope))
    axis = _TOP + ROW * len(scopes) + 4

    def at(moment: datetime) -> float:
        return round(WIDTH * ((moment - first) / (last - first)), 2)

    return Strata(
        layers=[
            Layer(
                x=at(one.starts_at),
                y=_TOP + ROW * scopes.index(_scope(one)),
                width=max(LEAST_WIDTH, round(at(one.ends_at or last) - at(one.starts_at) - GAP, 2)),
                streak="solid" if one.governs else "faded" if one.begun else "dashed",
                label=_says(one),
                slug=one.stated_by[0].slug,
                number=one.stated_by[0].number,
            )
            for one in stretches
        ],
        height=axis + 18,
        axis=axis,
        today=at(now),
        first=words.day(first),
        last=words.day(last),
    )


def _scope(one: Stretch) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(one.scope.items()))


def _says(one: Stretch) -> str:
    where = "".join(f", {key} = {term}" for key, term in _scope(one))
    verb = "governs" if one.governs or not one.begun else "governed"
    until = f" to {words.day(one.ends_at)}" if one.ends_at else ""
    return f"{one.display}{where} {verb} from {words.day(one.starts_at)}{until}"
