"""Where sentences begin and end in the plain text of a passage.

Decides the smallest piece that may be quoted. A line never runs into the next; a list item and a
table row ("Plan: Gold | Fee: $5") are one sentence each, since half a row says something else.
Never reads Markdown: `kb.text.blocks` has turned it into lines before. Called by the splitting of
long paragraphs, by quotes and by the reading of claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_ITEM_WORDS = 60
"""A list item longer than this is several sentences after all, and is taken apart."""

ROW_SEPARATOR = " | "

_ITEM = re.compile(r"\s*(?:[-*+•\u2013]|\d{1,9}[.)]|[A-Za-z][.)])\s+")
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”\u2019»)\]]*+(?=\s++[\"'“\u2018«(\[¿¡$€£#*_<]*+[^\W_a-zß-öø-ÿ])"
    r"|[。\uff01\uff1f]++[」』”\u2019\uff09]*+"
)
_LAST_WORD = re.compile(r"[^\s(\[\"'“\u2018]+$")

# Never the end of a sentence: something always follows.
_LEADING = frozenset(
    """
    mr mrs ms mx dr prof st ste gen sen rep gov capt lt col sgt rev hon messrs e.g i.e cf vs v
    viz fig figs eq sec sect art para ch vol approx ca incl excl esp resp dept tel ext ref
    """.split()  # noqa: SIM905
)
# Before a number only: "No. 5", "p. 12"; else "No." is an answer.
_BEFORE_NUMBER = frozenset(
    """
    no nos nr p pp op item jan feb mar apr jun jul aug sep sept oct nov dec
    """.split()  # noqa: SIM905
)
# May end a sentence, and does when the next word is one that begins sentences.
_EITHER = frozenset("inc ltd co corp plc llc gmbh bros jr sr u.s u.k e.u u.s.a ph.d".split())  # noqa: SIM905
_STARTERS = frozenset(
    """
    a after all an and any as at before both but by do don't each either every for from he her his
    how however i if in it its many most my neither no not of on once one only our please see she
    since so some such that the their then there these they this those to under unless until we
    what when where which while who why with you your
    """.split()  # noqa: SIM905
)


class Span(NamedTuple):
    """A stretch of text in code points, `end` exclusive."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """Return the sentences in order: disjoint, and together all of the text but blanks."""
    spans: list[Span] = []
    start = 0
    for line in text.splitlines(keepends=True):
        for begin, end in _in_line(line):
            spans.append(Span(start + begin, start + end))
        start += len(line)
    return spans


def _in_line(line: str) -> Iterator[tuple[int, int]]:
    body = line.strip()
    if not body:
        return
    first = line.index(body[0])
    last = first + len(body)
    item = _ITEM.match(line)
    if ROW_SEPARATOR in body or (item and len(body.split()) <= LONGEST_ITEM_WORDS):
        yield first, last
        return
    start = first
    for match in _END.finditer(line, item.end() if item else first, last):
        end = match.end()
        if end >= last:
            break
        if _ends_here(line, match):
            yield start, end
            start = end + _blanks_at(line, end)
    if start < last:
        yield start, last


def _blanks_at(line: str, position: int) -> int:
    count = 0
    while position + count < len(line) and line[position + count].isspace():
        count += 1
    return count


def _ends_here(line: str, match: re.Match[str]) -> bool:
    """Say whether this full stop closes a sentence, or an abbreviation."""
    if match[0][0] != "." or match[0].startswith(".."):
        return True
    word_match = _LAST_WORD.search(line, max(0, match.start() - 30), match.start())
    word = word_match[0].lower() if word_match else ""
    following = line[match.end() : match.end() + 40].split(maxsplit=1)
    next_word = following[0].lstrip("\"'“\u2018«([") if following else ""
    if word in _LEADING:
        return False
    if word in _BEFORE_NUMBER:
        return not next_word[:1].isdigit()
    if word in _EITHER or (len(word) == 1 and word.isalpha()):
        return next_word.lower().rstrip(",;:") in _STARTERS
    return True
