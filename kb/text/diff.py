"""What changed between two texts, word by word.

Decides what a reviewer is shown as inserted and deleted. Lines are compared first and words only
inside the lines that differ, so that a long article takes time in proportion to its length. Never
judges a change. Called by the pages that show versions beside each other.

Lines and words are aligned on those that occur once on both sides, longest increasing run first
("patience" diff), and by longest common runs in what is left between them if that is small.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from html import escape

_WORD = re.compile(r"\s+|\w+(?:['\u2019.,]\w+)*|[^\w\s]")
_SMALL = 400 * 400
_DEEPEST = 8


class Kind(StrEnum):
    """What happened to a stretch of text."""

    equal = "equal"
    insert = "insert"
    delete = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of text: kept, inserted in the new text, or deleted from the old one."""

    kind: Kind
    text: str


def word_diff(old: str, new: str) -> list[Change]:
    """Return the changes in order, a deletion before the insertion in its place.

    The texts of `equal` and `delete` together are `old`; those of `equal` and `insert`, `new`.
    """
    changes: list[Change] = []
    old_lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for a, b in _align(old_lines, new_lines):
        gone, come = "".join(a), "".join(b)
        if gone == come:
            changes.append(Change(Kind.equal, gone))
        elif not gone or not come:
            changes += [Change(Kind.delete, gone), Change(Kind.insert, come)]
        else:
            changes.extend(_words(gone, come))
    return _tidy(changes)


def html_diff(old: str, new: str) -> str:
    """Return the new text as escaped HTML with `<ins>` and `<del>`, line ends as they are.

    Show it where line ends count (`white-space: pre-wrap`).
    """
    tags = {Kind.equal: "", Kind.insert: "ins", Kind.delete: "del"}
    parts = []
    for change in word_diff(old, new):
        tag, text = tags[change.kind], escape(change.text)
        parts.append(f"<{tag}>{text}</{tag}>" if tag else text)
    return "".join(parts)


def _words(gone: str, come: str) -> Iterator[Change]:
    for a, b in _align(_WORD.findall(gone), _WORD.findall(come)):
        left, right = "".join(a), "".join(b)
        if left == right:
            yield Change(Kind.equal, left)
        else:
            yield Change(Kind.delete, left)
            yield Change(Kind.insert, right)


def _tidy(changes: Sequence[Change]) -> list[Change]:
    """Join neighbours, and draw the blanks between two changed words into the change."""
    result: list[Change] = []
    gone = come = ""

    def close() -> None:
        nonlocal gone, come
        result.extend(
            Change(kind, text) for kind, text in ((Kind.delete, gone), (Kind.insert, come)) if text
        )
        gone = come = ""

    kept = ""
    for change in changes:
        if change.kind is Kind.equal:
            kept += change.text
            continue
        if not change.text:
            continue
        if kept:
            if (gone or come) and kept.isspace() and "\n" not in kept:
                gone, come = gone + kept, come + kept
            else:
                close()
                result.append(Change(Kind.equal, kept))
            kept = ""
        if change.kind is Kind.delete:
            gone += change.text
        else:
            come += change.text
    close()
    if kept:
        result.append(Change(Kind.equal, kept))
    return result


def _align(
    a: Sequence[str], b: Sequence[str], depth: int = 0
) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield pairs of stretches that correspond, equal ones and others, which together are all."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    if start:
        yield a[:start], b[:start]
    yield from _between(a[start : len(a) - end], b[start : len(b) - end], depth)
    if end:
        yield a[len(a) - end :], b[len(b) - end :]


def _between(
    a: Sequence[str], b: Sequence[str], depth: int
) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    if not a and not b:
        return
    anchors = _anchors(a, b) if a and b and depth < _DEEPEST else []
    if anchors:
        last_a = last_b = 0
        for place_a, place_b in anchors:
            yield from _align(a[last_a:place_a], b[last_b:place_b], depth + 1)
            yield a[place_a : place_a + 1], b[place_b : place_b + 1]
            last_a, last_b = place_a + 1, place_b + 1
        yield from _align(a[last_a:], b[last_b:], depth + 1)
    elif a and b and len(a) * len(b) <= _SMALL:
        matcher = SequenceMatcher(None, a, b, autojunk=False)
        for _, a_start, a_end, b_start, b_end in matcher.get_opcodes():
            yield a[a_start:a_end], b[b_start:b_end]
    else:
        yield a, b


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest run, rising on both sides, of what occurs once on each."""
    count_a, count_b = Counter(a), Counter(b)
    place_in_b = {item: place for place, item in enumerate(b) if count_b[item] == 1}
    pairs = [
        (place, place_in_b[item])
        for place, item in enumerate(a)
        if count_a[item] == 1 and item in place_in_b
    ]
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        slot = bisect_left(tails, place)
        before.append(ends[slot - 1] if slot else -1)
        tails[slot : slot + 1] = [place]
        ends[slot : slot + 1] = [index]
    result = []
    index = ends[-1] if ends else -1
    while index >= 0:
        result.append(pairs[index])
        index = before[index]
    return result[::-1]
