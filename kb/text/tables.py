"""Tables, read row by row so that each row can stand alone.

Decides how a row reads: "Plan: Gold | Fee: $5", every cell under its own header, since a bot quotes
one row without the others. Never divides a row. Called by `kb.text.blocks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kb.text.sentences import ROW_SEPARATOR
from kb.text.tree import Child, Node

EMPTY = "—"
_MAX_SPAN = 50
_MAX_JOINED_ROWS = 12

Lines = Callable[[Sequence[Child]], list[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """A row, or the few rows that one cell spans, as text and as HTML."""

    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the caption's content, the HTML of its header rows, and its rows."""

    caption: Sequence[Child]
    head_html: str
    rows: tuple[Row, ...]


def read_table(node: Node, lines: Lines) -> Table:
    """Read a table; `lines` turns a cell's content into plain lines."""
    caption: Sequence[Child] = ()
    head: list[Node] = []
    body: list[Node] = []
    for child in node.children:
        if not isinstance(child, Node):
            continue
        if child.tag == "caption":
            caption = child.children
        elif child.tag == "tr":
            body.append(child)
        else:
            rows = [row for row in child.children if isinstance(row, Node) and row.tag == "tr"]
            (head if child.tag == "thead" else body).extend(rows)
    if not head and len(body) > 1 and all(cell.tag == "th" for cell in _cells(body[0])):
        head.append(body.pop(0))
    grid = _Grid(lines)
    headers = _headers([grid.read(row) for row in head])
    if not body:
        body, headers = head, []
    grid = _Grid(lines)
    read = tuple(_rows(grid, body, headers))
    head_html = "".join(row.html() for row in head) if body is not head else ""
    return Table(caption, f"<thead>{head_html}</thead>" if head_html else "", read)


def _rows(grid: _Grid, body: list[Node], headers: list[str]) -> list[Row]:
    result: list[Row] = []
    joined: list[Row] = []
    for node in body:
        text = _row_text(grid.read(node), headers)
        joined.append(Row(text, node.html()))
        if not grid.spans_on or len(joined) >= _MAX_JOINED_ROWS:
            result.append(_join(joined))
            joined = []
    if joined:
        result.append(_join(joined))
    return [row for row in result if row.text]


def _join(rows: list[Row]) -> Row:
    text = "\n".join(row.text for row in rows if row.text)
    return Row(text, "".join(row.html for row in rows))


def _row_text(cells: list[str], headers: list[str]) -> str:
    if not any(cells):
        return ""
    parts = []
    for column in range(max(len(cells), len(headers))):
        cell = cells[column] if column < len(cells) else ""
        header = headers[column] if column < len(headers) else ""
        if header:
            parts.append(f"{header}: {cell or EMPTY}")
        elif cell:
            parts.append(cell)
    return ROW_SEPARATOR.join(parts)


def _headers(rows: list[list[str]]) -> list[str]:
    """Join the header rows column by column."""
    width = max((len(row) for row in rows), default=0)
    columns = []
    for column in range(width):
        words = dict.fromkeys(row[column] for row in rows if column < len(row) and row[column])
        columns.append(" ".join(words).removesuffix(":"))
    return columns


class _Grid:
    """Reads rows one after the other and repeats cells that span several rows or columns."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._spanning: dict[int, tuple[int, str]] = {}

    @property
    def spans_on(self) -> bool:
        """Say whether a cell of the rows read so far reaches into the next row."""
        return bool(self._spanning)

    def read(self, row: Node) -> list[str]:
        """Return the text of each column of the row."""
        texts: list[str] = []
        after: dict[int, tuple[int, str]] = {}

        def put(text: str, rows_left: int) -> None:
            if rows_left > 0:
                after[len(texts)] = (rows_left, text)
            texts.append(text)

        def put_spanning() -> None:
            while len(texts) in self._spanning:
                rows_left, text = self._spanning[len(texts)]
                put(text, rows_left - 1)

        for cell in _cells(row):
            put_spanning()
            text = _joined(self._lines(cell.children))
            for place in range(_span(cell, "colspan")):
                put(text if place == 0 else "", _span(cell, "rowspan") - 1)
        put_spanning()
        self._spanning = after
        return texts


def _cells(row: Node) -> list[Node]:
    return [cell for cell in row.children if isinstance(cell, Node) and cell.tag in {"td", "th"}]


def _span(cell: Node, name: str) -> int:
    value = cell.attribute(name) or "1"
    return min(max(int(value), 1), _MAX_SPAN) if value.isdecimal() and len(value) < 6 else 1


def _joined(lines: list[str]) -> str:
    """Write a cell's lines as one, a semicolon where nothing else divides them."""
    result = ""
    for line in lines:
        stripped = line.strip()
        if result and stripped:
            result += " " if result[-1] in ".:;,!?…" else "; "
        result += stripped
    return result
