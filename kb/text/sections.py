"""An article as sections: a heading path, an audience, and blocks in their order.

Decides which part of an article is narrowed by its author's own words, so that both the passages
and the article's page leave it out for the others. Never widens. Called by `kb.text.passages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kb.text import blocks, marks, tree
from kb.text.blocks import Block, Heading, Kind, Piece
from policies import audience as audiences
from policies.audience import Audience


@dataclass(frozen=True, slots=True)
class Marked:
    """A piece of a block, and who may be told it."""

    block: Block
    piece: Piece
    audience: Audience


@dataclass(slots=True)
class Section:
    """What stands under one heading, up to the next."""

    headings: tuple[str, ...]
    heading: Heading | None
    audience: Audience
    pieces: list[Marked] = field(default_factory=list)


def sections(html: str, *, title: str, audience: Audience, longest: int | None) -> list[Section]:
    """Divide sanitised HTML into sections. The title's own words may narrow all of them.

    A heading that only repeats the title is left out. `longest` is in words, see
    `blocks.read_blocks`.
    """
    shown_title, named = marks.of_heading(title)
    builder = _Builder(shown_title, audiences.narrower(audience, named))
    for item in blocks.read_blocks(tree.parse(html), longest=longest):
        if isinstance(item, Heading):
            builder.add_heading(item)
        else:
            builder.add_block(item)
    return [section for section in builder.sections if section.pieces or section.heading]


@dataclass(frozen=True, slots=True)
class _Open:
    """A heading that the following text stands under."""

    level: int
    text: str
    audience: Audience


class _Builder:
    def __init__(self, title: str, audience: Audience) -> None:
        self._title = _key(title)
        self._stack = [_Open(0, "", audience)]
        self._next: Audience | None = None
        self._groups: dict[int, Audience] = {}
        self._seen: set[int] = set()
        self.sections = [Section((), None, audience)]

    def add_heading(self, heading: Heading) -> None:
        """Begin the section of a heading, inside those of the headings above it."""
        while self._stack[-1].level >= heading.level:
            self._stack.pop()
        text, named = marks.of_heading(heading.text)
        audience = audiences.narrower(self._stack[-1].audience, named)
        self._stack.append(_Open(heading.level, text, audience))
        self._next = None
        path = tuple(
            entry.text for entry in self._stack if entry.text and _key(entry.text) != self._title
        )
        shown = Heading(heading.level, text, _without_marker(heading, text))
        self.sections.append(Section(path, shown, audience))

    def add_block(self, block: Block) -> None:
        """Add a block to the section, each piece with its audience."""
        section = self.sections[-1]
        floor = self._floor(block)
        is_lead = block.kind is Kind.paragraph or len(block.pieces) == 1
        text = _content(block.text)
        named = marks.of_text(text) if is_lead else Audience.public
        self._open_groups(block, named)
        following: Audience | None = None
        if is_lead and named > Audience.public:
            if text.endswith(":"):
                following = named
            elif marks.is_nothing_else(text):
                self._narrow_rest(block, named)
        for piece in block.pieces:
            content = _content(piece.text)
            own = named if is_lead else marks.of_text(content)
            section.pieces.append(Marked(block, piece, audiences.narrower(floor, own)))
            if own > Audience.public and marks.is_nothing_else(content):
                floor = audiences.narrower(floor, own)  # an item that leads in those after it
        self._next = following

    def _floor(self, block: Block) -> Audience:
        floor = self._stack[-1].audience
        if self._next is not None:
            floor = audiences.narrower(floor, self._next)
        for group in block.groups:
            floor = audiences.narrower(floor, self._groups.get(group, Audience.public))
        return floor

    def _open_groups(self, block: Block, named: Audience) -> None:
        """A box that opens with such words is narrowed whole."""
        for group in block.groups:
            if group not in self._seen:
                self._seen.add(group)
                self._groups[group] = named

    def _narrow_rest(self, block: Block, named: Audience) -> None:
        """Words that stand alone are said of all that follows in their box or section."""
        if block.groups:
            box = block.groups[-1]
            self._groups[box] = audiences.narrower(self._groups[box], named)
            return
        top = self._stack[-1]
        audience = audiences.narrower(top.audience, named)
        self._stack[-1] = _Open(top.level, top.text, audience)


def visible(parts: Sequence[Section], reader: Audience) -> Iterator[str]:
    """Yield the HTML of what a reader of this audience may see, heading by heading."""
    for section in parts:
        if section.heading and audiences.includes(reader, section.audience):
            level = section.heading.level
            yield f"<h{level}>{section.heading.html}</h{level}>"
        run: list[Piece] = []
        block: Block | None = None
        for marked in section.pieces:
            if not audiences.includes(reader, marked.audience):
                continue
            if block is not None and marked.block is not block:
                yield block.html(run)
                run = []
            block = marked.block
            run.append(marked.piece)
        if block is not None:
            yield block.html(run)


def _content(text: str) -> str:
    """Drop an item's marker."""
    return re.sub(r"\A(?:-|\d{1,9}\.)\s+", "", text)


def _without_marker(heading: Heading, shown: str) -> str:
    return heading.html if shown == heading.text else tree.escaped(shown)


def _key(text: str) -> str:
    """Reduce a heading to what counts when it is compared with the title."""
    return " ".join(re.findall(r"\w+", text.casefold()))
