"""Where the words of a search stand in a text, shown in a line or two.

Decides which stretch of a text is shown and what is marked in it; everything else is escaped. Pure.
Called by `kb.search.library`.
"""

from __future__ import annotations

import re
from collections.abc import Set
from html import escape

from whoosh.lang.porter import stem

_WORD = re.compile(r"\w+")
_WIDTH = 240
_BEFORE = 60
_PREFIX = 3
_MOST_READ = 100_000


def highlighted(text: str, stems: Set[str]) -> str:
    """Return the stretch of a text with most of the words as HTML, the words in <mark>.

    `stems` are stemmed words. Empty where none of them is there.
    """
    places = _places(text[:_MOST_READ], stems)
    if not places:
        return ""
    start, end = _densest(places)
    left = max(0, start - _BEFORE)
    right = min(len(text), max(end, left + _WIDTH))
    # Not in the middle of a word.
    left = text.rfind(" ", 0, left + 1) + 1 if left else 0
    right = len(text) if right >= len(text) else max(end, text.rfind(" ", left, right))
    parts: list[str] = ["… "] if left else []
    position = left
    for begin, finish, _ in places:
        if begin >= left and finish <= right:
            parts += [escape(text[position:begin]), f"<mark>{escape(text[begin:finish])}</mark>"]
            position = finish
    parts.append(escape(text[position:right]))
    if right < len(text):
        parts.append(" …")
    return " ".join("".join(parts).split())


def _places(text: str, stems: Set[str]) -> list[tuple[int, int, str]]:
    """Begin, end and stem of each occurrence."""
    # Stemming is slow, and keeps the beginning of a word: few words need it.
    beginnings = {one[:_PREFIX] for one in stems}
    found: list[tuple[int, int, str]] = []
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if word[:_PREFIX] in beginnings or word in stems:
            stemmed = word if word in stems else stem(word)
            if stemmed in stems:
                found.append((match.start(), match.end(), stemmed))
    return found


def _densest(places: list[tuple[int, int, str]]) -> tuple[int, int]:
    """The stretch that fits the width and has most different words, then most words."""
    best, best_score, last = (places[0][0], places[0][1]), (0, 0), 0
    for first, (begin, _, _) in enumerate(places):
        last = max(last, first)
        while last + 1 < len(places) and places[last + 1][1] - begin <= _WIDTH - _BEFORE:
            last += 1
        inside = places[first : last + 1]
        score = (len({one[2] for one in inside}), len(inside))
        if score > best_score:
            best, best_score = (begin, places[last][1]), score
    return best
