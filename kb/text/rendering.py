"""Facts in prose: `{{ fact refund.window }}` stands for a value that is kept in one place.

Decides where a reference is one (never inside code) and how a value is written into Markdown (as
text, never as markup). Never looks a fact up: the caller brings what each displays. Called by the
actions that pin facts and by the splitting of versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

from markdown_it import MarkdownIt

from kb.errors import Invalid
from policies import facts

_BLOCK_PARSER = MarkdownIt("commonmark").enable("table").disable("inline")
_BRACES = re.compile(r"\{\{([^{}\n]*)\}\}")
_UNCLOSED = re.compile(r"\{\{(?![^{}\n]*\}\})([^\n]{0,40})")
_BACKTICKS = re.compile(r"`+")
_RAW_CODE = re.compile(r"\s*<(?:pre|script|style|textarea)\b", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_\[\]<>|~&{}])")
_LIST_MARK = re.compile(r"\A(\d{0,9})([-+#=.)])(?=\s|\Z|#)")
_BLOCK_START = re.compile(r"(?:[ \t>]|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))*")
_EXAMPLE = "write {{ fact refund.window }}"
_CLOSE_ENOUGH = 0.6


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of text outside code, from `start` to `end`; `line` counts from 1."""

    start: int
    end: int
    line: int
    in_html: bool


@dataclass(frozen=True, slots=True)
class _Braces:
    """What stands in double braces, and where."""

    start: int
    end: int
    inner: str
    line: int
    in_html: bool

    @property
    def key(self) -> str | None:
        """Return the fact's key, or None where this isn't a well-formed reference."""
        words = self.inner.split()
        is_fact = len(words) == 2 and words[0] == "fact" and facts.valid_key(words[1])
        return words[1] if is_fact else None


def fact_keys(markdown: str) -> list[str]:
    """Return the keys that a text refers to, each once, in the order of their first place."""
    return list(dict.fromkeys(braces.key for braces in _braces(markdown) if braces.key))


def render(markdown: str, displays: Mapping[str, str]) -> str:
    """Put what each fact displays in the place of its references.

    Code is left alone, and so is what stands in double braces but isn't a fact. A value is written
    as plain text: its own asterisks or brackets stay what they are. Raises Invalid (field `body`)
    that names every unknown key with its line.
    """
    references = [(braces, braces.key) for braces in _braces(markdown) if braces.key]
    unknown = [
        f"line {b.line}: there is no fact {key!r}" for b, key in references if key not in displays
    ]
    if unknown:
        detail = "; ".join(dict.fromkeys(unknown))
        raise Invalid({"body": f"{detail}; name a fact that exists"}, code="unknown_fact")
    parts: list[str] = []
    position = 0
    for braces, key in references:
        parts.append(markdown[position : braces.start])
        parts.append(_written(displays[key], markdown, braces))
        position = braces.end
    return "".join([*parts, markdown[position:]])


def problems(markdown: str) -> list[str]:
    """Return what is wrong with references to facts, each with its line and how to write it.

    Double braces that plainly belong to another template language are left alone.
    """
    found = [
        (braces.line, f"{{{{{braces.inner}}}}} isn't a reference to a fact")
        for braces in _braces(markdown)
        if braces.key is None and _means_fact(braces.inner)
    ]
    for stretch in _prose(markdown):
        for match in _UNCLOSED.finditer(markdown, stretch.start, stretch.end):
            if _means_fact(" ".join(match[1].split()[:2])):
                line = stretch.line + markdown.count("\n", stretch.start, match.start())
                found.append((line, f"{match[0].strip()!r} isn't closed by }}}}"))
    return [f"line {line}: {what}; {_EXAMPLE}" for line, what in sorted(found)]


def _means_fact(inner: str) -> bool:
    """Say whether somebody meant a fact: the word itself, or one a slip away from it."""
    words = inner.split()
    if not words:
        return False
    first = words[0].lower()
    if re.match(r"facts?(?![a-z])", first):
        return True
    return len(words) == 2 and SequenceMatcher(None, first, "fact").ratio() >= _CLOSE_ENOUGH


def _written(display: str, markdown: str, braces: _Braces) -> str:
    """Write a value so that it reads the same whatever stands around it."""
    text = " ".join(display.split())
    if braces.in_html:
        return escape(text)
    written = _MARKUP.sub(r"\\\1", text)
    line_start = markdown.rfind("\n", 0, braces.start) + 1
    if not _BLOCK_START.fullmatch(markdown, line_start, braces.start):
        return written
    # At the beginning of a line or an item "14." would begin a list, and "-" too.
    if text.isdecimal() and re.match(r"[.)](?:\s|\Z)", markdown[braces.end : braces.end + 2]):
        return written + "\\"
    return _LIST_MARK.sub(r"\1\\\2", written)


def _braces(markdown: str) -> Iterator[_Braces]:
    for stretch in _prose(markdown):
        line, counted_to = stretch.line, stretch.start
        for match in _BRACES.finditer(markdown, stretch.start, stretch.end):
            line += markdown.count("\n", counted_to, match.start())
            counted_to = match.start()
            yield _Braces(match.start(), match.end(), match[1], line, stretch.in_html)


def _prose(markdown: str) -> Iterator[_Stretch]:
    """Yield the text outside code blocks and code spans, in order; nothing where no brace is."""
    if "{{" not in markdown:
        return
    offsets = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", markdown)), len(markdown)]
    last = len(offsets) - 1
    done = 0
    for first_line, last_line, in_html in _prose_lines(markdown):
        first, end = max(first_line, done), min(last_line, last)
        done = max(done, end)
        start, stop = offsets[min(first, last)], offsets[end]
        if start >= stop or markdown.find("{{", start, stop) < 0:
            continue
        if in_html:
            if not _RAW_CODE.match(markdown, start, stop):
                yield _Stretch(start, stop, first + 1, in_html=True)
            continue
        for begin, finish in _outside_code_spans(markdown, start, stop):
            line = first + 1 + markdown.count("\n", start, begin)
            yield _Stretch(begin, finish, line, in_html=False)


def _prose_lines(markdown: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines of each paragraph, table row and HTML block, from 0, end exclusive."""
    for token in _BLOCK_PARSER.parse(markdown):
        if token.map and token.type in {"inline", "tr_open"}:
            yield token.map[0], token.map[1], False
        elif token.map and token.type == "html_block":
            yield token.map[0], token.map[1], True


def _outside_code_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what lies outside code spans: from a run of backticks to the next run as long."""
    runs = [(m.start(), m.end()) for m in _BACKTICKS.finditer(text, start, end)]
    later: dict[int, list[int]] = {}
    for place in range(len(runs) - 1, -1, -1):
        later.setdefault(runs[place][1] - runs[place][0], []).append(place)
    position = start
    place = 0
    while place < len(runs):
        opened, closed = runs[place]
        length = closed - opened
        if _is_escaped(text, opened, start):
            length -= 1  # the first backtick is a character, the rest may open a span
        same = later.get(length, [])
        while same and same[-1] <= place:
            same.pop()
        if length and same:
            yield position, opened
            place = same[-1]
            position = runs[place][1]
        place += 1
    yield position, end


def _is_escaped(text: str, place: int, start: int) -> bool:
    count = 0
    while place - count - 1 >= start and text[place - count - 1] == "\\":
        count += 1
    return count % 2 == 1
