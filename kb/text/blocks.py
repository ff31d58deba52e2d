"""The blocks of an article and the pieces they may be divided into.

Decides what is never divided: a list item, a table row, a sentence, a code block. Each piece has
its plain text and its HTML, made from the same nodes. Never decides how much goes together (that is
`kb.text.passages`). Called by `kb.text.sections` and `kb.text.markdown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from kb.text import sentences, tree
from kb.text.tables import Table, read_table
from kb.text.tree import Child, Node

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{1,2}|[^\W_](?:[\w'\u2019.,:/@-]*\w)?"
)


OVERLONG_ITEM = 2
"""An item of more than twice the longest paragraph is divided, between the blocks inside it."""

# Parts of lists and tables; met outside one, or in one that is opened up, they are mere containers.
_INNER = frozenset({"li", "dt", "dd", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"})

_HTML_BETWEEN = {"": "", " ": " ", "\n": "<br>"}


class Kind(Enum):
    """What a block is, which says how its pieces are put together again."""

    paragraph = "paragraph"
    items = "items"
    rows = "rows"
    whole = "whole"


@dataclass(frozen=True, slots=True)
class Piece:
    """What is never divided.

    `number` is the place of an item in its numbered list; `before` is what stands between a
    sentence and the one before it: a blank, a new line or nothing.
    """

    text: str
    html: str
    words: int
    number: int = 0
    before: str = "\n"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or code block. `opening` and `closing` go around any of its pieces.

    `groups` numbers the quotations and boxes it stands in, outermost first; `is_label` says that it
    leads in what follows, by a colon or by being strong as a whole.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    opening: str = ""
    closing: str = ""
    groups: tuple[int, ...] = ()
    is_label: bool = False

    @property
    def words(self) -> int:
        """Return how many words the pieces have together."""
        return sum(piece.words for piece in self.pieces)

    @property
    def text(self) -> str:
        """Return the block's plain text."""
        return text_of(self.pieces)

    def html(self, pieces: Sequence[Piece]) -> str:
        """Write some of the block's pieces out, inside the block's own tags."""
        inner = "".join(
            (_HTML_BETWEEN[piece.before] if place and self.kind is Kind.paragraph else "")
            + piece.html
            for place, piece in enumerate(pieces)
        )
        opening = self.opening
        if pieces and pieces[0].number > 1:
            opening = opening.replace("<ol>", f'<ol start="{pieces[0].number}">')
        return f"{opening}{inner}{self.closing}"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, as deep as its level says, 1 to 6."""

    level: int
    text: str
    html: str


def count_words(text: str) -> int:
    """Count words; where a script writes no blanks, two characters count as one."""
    return len(_WORD.findall(text))


def text_of(pieces: Sequence[Piece]) -> str:
    """Join pieces of one block."""
    return "".join(
        (piece.before if place else "") + piece.text for place, piece in enumerate(pieces)
    )


def read_blocks(root: Node, *, longest: int | None = None) -> Iterator[Block | Heading]:
    """Yield headings and blocks in their order, containers opened up.

    A paragraph of more than `longest` words comes in sentences, otherwise in one piece.
    """
    yield from _Reader(longest).read(root.children, _Around())


def document_text(root: Node) -> str:
    """Return the plain text of a document, a blank line between its blocks."""
    return "\n\n".join(item.text for item in read_blocks(root) if item.text)


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a block: tags of quotations and opened items, and its boxes."""

    opening: str = ""
    closing: str = ""
    groups: tuple[int, ...] = ()

    def within(self, opening: str, closing: str) -> _Around:
        """Return what stands around a block one element further inside."""
        return replace(self, opening=self.opening + opening, closing=closing + self.closing)

    def wrap(self, block: Block | None) -> Iterator[Block]:
        """Yield the block with what stands around it, if there is anything in it."""
        if block is not None and block.pieces:
            yield replace(
                block,
                opening=self.opening + block.opening,
                closing=block.closing + self.closing,
                groups=self.groups,
            )


class _Reader:
    """Walks one document; numbers its boxes."""

    def __init__(self, longest: int | None) -> None:
        self._boxes = 0
        self._longest = longest

    def read(self, children: Sequence[Child], around: _Around) -> Iterator[Block | Heading]:
        """Yield what stands among these children."""
        inline: list[Child] = []
        for child in children:
            if isinstance(child, str) or child.tag not in tree.BLOCKS:
                inline.append(child)
                continue
            yield from around.wrap(_paragraph(inline, self._longest))
            inline = []
            yield from self._block(child, around)
        yield from around.wrap(_paragraph(inline, self._longest))

    def _block(self, node: Node, around: _Around) -> Iterator[Block | Heading]:
        if node.tag in tree.HEADINGS:
            text = " ".join(tree.inline_text(node.children).split())
            if text:
                yield Heading(tree.HEADINGS[node.tag], text, tree.html_of(node.children))
        elif node.tag == "hr":
            return
        elif node.has_heading or node.tag in tree.CONTAINERS:
            # A list or table that holds headings is a layout, not a list: its parts are sections.
            if node.tag == "blockquote":
                around = around.within("<blockquote>", "</blockquote>")
            self._boxes += 1
            around = replace(around, groups=(*around.groups, self._boxes))
            yield from self.read(node.children, around)
        elif node.tag in _INNER:
            yield from self.read(node.children, around)
        elif node.tag in {"ul", "ol"}:
            yield from self._list(node, around)
        else:
            for block in _plain_block(node, self._longest):
                yield from around.wrap(block)

    def _list(self, node: Node, around: _Around) -> Iterator[Block | Heading]:
        """Yield a list; an item that holds a small article of its own is opened up."""
        limit = self._longest * OVERLONG_ITEM if self._longest is not None else None
        kept: list[Piece] = []
        for piece, content in _list(node):
            if limit is None or piece.words <= limit or not any(map(tree.is_block, content)):
                kept.append(piece)
                continue
            yield from around.wrap(_items(node.tag, kept))
            kept = []
            yield from self._opened(node.tag, piece.number, content, around)
        yield from around.wrap(_items(node.tag, kept))

    def _opened(
        self, tag: str, number: int, content: Sequence[Child], around: _Around
    ) -> Iterator[Block | Heading]:
        start = f' start="{number}"' if tag == "ol" else ""
        inside = around.within(f"<{tag}{start}><li>", f"</li></{tag}>")
        marker = f"{number}." if tag == "ol" else "-"
        for place, block in enumerate(self.read(content, inside)):
            if place == 0 and isinstance(block, Block):
                first = replace(block.pieces[0], text=f"{marker} {block.pieces[0].text}")
                yield replace(block, pieces=(first, *block.pieces[1:]))
            else:
                yield block


def _plain_block(node: Node, longest: int | None) -> Iterator[Block | None]:
    """Yield the block that an element without headings makes; a caption is one of its own."""
    match node.tag:
        case "dl":
            yield _definitions(node)
        case "table":
            table = read_table(node, lines)
            if table.caption:
                yield _paragraph(table.caption, longest)
            yield _table(table)
        case "pre":
            text = tree.verbatim_text(node)
            if text.strip():
                yield Block(Kind.whole, (Piece(text, node.html(), count_words(text)),))
        case _:
            yield _paragraph(node.children, longest)


def _paragraph(children: Sequence[Child], longest: int | None) -> Block | None:
    text = tree.inline_text(children)
    if not text:
        return None
    words = count_words(text)
    if longest is not None and words > longest:
        pieces = _sentences(children)
    else:
        pieces = (Piece(text, tree.html_of(children).strip(), words),)
    shown = [c for c in children if not (isinstance(c, str) and not c.strip())]
    strong = all(isinstance(c, Node) and c.tag in {"strong", "b"} for c in shown)
    return Block(Kind.paragraph, pieces, "<p>", "</p>", is_label=strong or text.endswith(":"))


def _sentences(children: Sequence[Child]) -> tuple[Piece, ...]:
    """Divide a paragraph into its sentences, each with the tags that stand around it."""
    runs = tree.inline_runs(children)
    text = tree.text_of_runs(runs)
    pieces = []
    end = 0
    for span in sentences.sentences(text):
        part = text[span.start : span.end]
        gap = text[end : span.start]
        before = "\n" if "\n" in gap else " " if gap else ""
        html = tree.html_of_runs(runs, span.start, span.end)
        pieces.append(Piece(part, html, count_words(part), before=before))
        end = span.end
    return tuple(pieces)


def _list(node: Node) -> list[tuple[Piece, Sequence[Child]]]:
    """Return the items of a list, each with its content."""
    ordered = node.tag == "ol"
    number = _start(node) if ordered else 0
    items: list[tuple[Piece, Sequence[Child]]] = []
    for child in node.children:
        if isinstance(child, str) and not child.strip():
            continue
        content = child.children if isinstance(child, Node) and child.tag == "li" else [child]
        text = "\n".join(_item_lines(content, f"{number}." if ordered else "-"))
        if text:
            html = f"<li>{tree.html_of(content)}</li>"
            items.append((Piece(text, html, count_words(text), number), content))
        number += ordered
    return items


def _items(tag: str, pieces: Sequence[Piece]) -> Block:
    return Block(Kind.items, tuple(pieces), f"<{tag}>", f"</{tag}>")


def _start(node: Node) -> int:
    start = node.attribute("start") or ""
    return int(start) if start.isdecimal() and len(start) < 10 else 1


def _definitions(node: Node) -> Block:
    """Keep each term with what is said about it."""
    pieces: list[Piece] = []
    group: list[Child] = []

    def close() -> None:
        text = "\n".join(_definition_lines(group))
        if text:
            pieces.append(Piece(text, tree.html_of(group), count_words(text)))
        group.clear()

    for child in node.children:
        is_term = isinstance(child, Node) and child.tag == "dt"
        if is_term and any(isinstance(c, Node) and c.tag != "dt" for c in group):
            close()
        group.append(child)
    close()
    return Block(Kind.items, tuple(pieces), "<dl>", "</dl>")


def _table(table: Table) -> Block:
    pieces = tuple(Piece(row.text, row.html, count_words(row.text)) for row in table.rows)
    return Block(Kind.rows, pieces, f"<table>{table.head_html}<tbody>", "</tbody></table>")


def lines(children: Sequence[Child]) -> list[str]:
    """Return the plain lines of any content: items with their markers, rows with their headers."""
    result: list[str] = []
    inline: list[Child] = []
    for child in children:
        if isinstance(child, str) or child.tag not in tree.BLOCKS:
            inline.append(child)
            continue
        result.extend(_inline_lines(inline))
        inline = []
        result.extend(_block_lines(child))
    result.extend(_inline_lines(inline))
    return result


def _inline_lines(children: Sequence[Child]) -> list[str]:
    text = tree.inline_text(children) if children else ""
    return [line for line in text.split("\n") if line]


def _block_lines(node: Node) -> list[str]:
    match node.tag:
        case "ul" | "ol":
            return [line for piece, _ in _list(node) for line in piece.text.split("\n")]
        case "dl":
            return _definition_lines(node.children)
        case "table":
            table = read_table(node, lines)
            return _inline_lines(table.caption) + [row.text for row in table.rows]
        case "pre":
            return [line for line in tree.verbatim_text(node).split("\n") if line.strip()]
        case "hr":
            return []
        case _:
            return lines(node.children)


def _item_lines(children: Sequence[Child], marker: str) -> list[str]:
    """Set a marker before the first line and the others under the text of the first."""
    inner = lines(children)
    if not inner:
        return []
    indent = " " * (len(marker) + 1)
    return [f"{marker} {inner[0]}", *(indent + line for line in inner[1:])]


def _definition_lines(children: Sequence[Child]) -> list[str]:
    """Write "term: what is said", further paragraphs below."""
    result: list[str] = []
    term = ""
    for child in children:
        inner = lines(child.children if isinstance(child, Node) else [child])
        if isinstance(child, Node) and child.tag == "dt":
            if term:
                result.append(term)
            term = " ".join(inner)
        elif inner:
            result.append(f"{term.removesuffix(':')}: {inner[0]}" if term else inner[0])
            result.extend(inner[1:])
            term = ""
    return [*result, term] if term else result
