"""The strata: an article's life as layers on one axis of time, drawn as numbers for an SVG.

Across, all is in hundredths of the drawing's width and down in pixels, so that it fits any column
and its words keep their size.

Which version governed when, gaps as gaps, what is to come paler, today as a hair line. It reads the
lines it is given and decides nothing. Called by the article's pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kb.actions.listing import Line
from kb.web import words

WIDTH = 100
ROW = 18
LEAST_WIDTH = 0.4
GAP = 0.2
NOTCH = 1.2
_TOP = 4
_ROOM_FOR_BOTH = 50
_LEAST = timedelta(days=14)


@dataclass(frozen=True)
class Layer:
    """One version's stretch: where it lies, how it is marked, and what it says on hover."""

    x: float
    y: int
    width: float
    streak: str
    label: str
    slug: str
    number: int


@dataclass(frozen=True)
class Strata:
    """The drawing: `today` is the hair line's place, `first` and `last` name the axis' ends."""

    layers: list[Layer]
    height: int
    axis: int
    today: float
    first: str
    last: str
    notch_width: float = NOTCH

    @property
    def notch(self) -> float:
        """Where the notch of what isn't served now begins; it ends at today."""
        return round(max(0.0, self.today - self.notch_width), 2)

    @property
    def names_first(self) -> bool:
        """Whether the axis' beginning has room for its name beside today's."""
        return self.today >= _ROOM_FOR_BOTH


@dataclass(frozen=True)
class _Stretch:
    """A version that governed for some time, or will; `end` None has none yet."""

    line: Line
    number: int
    start: datetime
    end: datetime | None


def strata(lines: Sequence[Line]) -> Strata | None:
    """Return the drawing of the versions that governed, do or will; None where none did."""
    stretches = _stretches(lines)
    if not stretches:
        return None
    now = stretches[0].line.now
    first = min([*(one.start for one in stretches), now - _LEAST])
    last = max([*(one.end or one.start for one in stretches), now])
    last = max(last + (last - first) * 0.06, now + (now - first) * 0.12)
    rows = list(dict.fromkeys(one.line.language for one in stretches))
    axis = _TOP + ROW * len(rows) + 4

    def at(moment: datetime) -> float:
        return round(WIDTH * ((moment - first) / (last - first)), 2)

    return Strata(
        layers=[
            Layer(
                x=at(one.start),
                y=_TOP + ROW * rows.index(one.line.language),
                width=max(LEAST_WIDTH, round(at(one.end or last) - at(one.start) - GAP, 2)),
                streak=words.mark(one.line.reading, one.line.out_of_service).streak,
                label=_says(one),
                slug=one.line.slug,
                number=one.number,
            )
            for one in stretches
        ],
        height=axis + 18,
        axis=axis,
        today=at(now),
        first=words.day(first),
        last=words.day(last),
    )


def _stretches(lines: Sequence[Line]) -> list[_Stretch]:
    found = [
        _Stretch(line, line.number, line.starts_at, line.ends_at)
        for line in lines
        if line.starts_at is not None
        and line.number is not None
        and (line.ends_at is None or line.ends_at > line.starts_at)
    ]
    return sorted(found, key=lambda one: (one.line.language, one.start))


def _says(one: _Stretch) -> str:
    verb = "governs" if one.line.reading in ("scheduled", "in_effect") else "governed"
    until = f" to {words.day(one.end)}" if one.end else ""
    mark = words.mark(one.line.reading, one.line.out_of_service)
    now = f"; {mark.word.lower()} now" if mark.streak == "broken" else ""
    start = words.day(one.start)
    return f"Version {one.number} ({one.line.language}) {verb} from {start}{until}{now}"
