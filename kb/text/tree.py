"""Sanitised HTML as a small tree, and the plain text of its inline parts.

Reads only what `kb.text.markdown` has sanitised, which is well-formed; never raw input. Text stays
escaped in the tree, so that writing a node out again is concatenation. Called by `kb.text.blocks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import TypeAlias

MAX_DEPTH = 60
"""Deeper elements are dropped and their content kept, so that no walk over a tree overflows."""

HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
CONTAINERS = frozenset(
    """
    address article aside blockquote details div figcaption figure footer header main nav section
    summary
    """.split()  # noqa: SIM905
)
BLOCKS = (
    CONTAINERS
    | frozenset(HEADINGS)
    | frozenset(
        "p ul ol li dl dt dd table caption thead tbody tfoot tr td th pre hr".split()  # noqa: SIM905
    )
)
_VOID = frozenset({"br", "hr", "img"})

_TOKEN = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"]*")*)\s*/?>|([^<]+|<)')
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_BLANKS = re.compile(r"\s+")
_BLANKS_IN_LINE = re.compile(r"[^\S\n]+")
_RAISED = str.maketrans("0123456789+-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾")
_RAISED_NUMBER = re.compile(r"[0-9+()-]+(?:,? ?[0-9]+)*")

Child: TypeAlias = "Node | str"


@dataclass(slots=True)
class Node:
    """An element: its tag, its attributes as they are written, and what stands inside."""

    tag: str
    attributes: str = ""
    children: list[Child] = field(default_factory=list)
    has_heading: bool = False

    def attribute(self, name: str) -> str | None:
        """Return an attribute's value, unescaped, or None."""
        for key, value in _ATTRIBUTE.findall(self.attributes):
            if key == name:
                return unescape(value)
        return None

    def opening(self) -> str:
        """Return the start tag."""
        return f"<{self.tag}{self.attributes}>"

    def closing(self) -> str:
        """Return the end tag; nothing for an element that has none."""
        return "" if self.tag in _VOID else f"</{self.tag}>"

    def html(self) -> str:
        """Write the element out again."""
        return self.opening() + html_of(self.children) + self.closing()


def parse(html: str) -> Node:
    """Build the tree of sanitised HTML under a nameless root. Linear in the length."""
    root = Node("")
    stack = [root]
    skipped: list[str] = []
    for match in _TOKEN.finditer(html):
        closing, tag, attributes, text = match.groups()
        if text is not None:
            stack[-1].children.append(text)
        elif closing:
            if skipped:
                skipped.pop()
            elif len(stack) > 1 and stack[-1].tag == tag:
                stack.pop()
        elif tag in _VOID:
            stack[-1].children.append(Node(tag, attributes))
        elif len(stack) > MAX_DEPTH:
            skipped.append(tag)
        else:
            node = Node(tag, attributes)
            stack[-1].children.append(node)
            stack.append(node)
            if tag in HEADINGS:
                for open_node in stack:
                    open_node.has_heading = True
    return root


def html_of(children: Iterable[Child]) -> str:
    """Write a run of children out again."""
    return "".join(c if isinstance(c, str) else c.html() for c in children)


def is_block(child: Child) -> bool:
    """Say whether a child begins a block of its own."""
    return isinstance(child, Node) and child.tag in BLOCKS


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text with the inline elements around it, outermost first.

    `whole` is the element that the text stands for where it isn't written out itself (an image).
    """

    start: int
    text: str
    path: tuple[Node, ...]
    whole: Node | None = None


def inline_runs(children: Sequence[Child]) -> list[Run]:
    """Flatten inline content into runs, blanks collapsed; a line break becomes a newline.

    `start` counts code points of the joined text, which has no blank at its beginning or end.
    """
    raw: list[tuple[str, tuple[Node, ...], Node | None]] = []
    _gather(children, (), raw)
    runs: list[Run] = []
    position = 0
    after_blank = True
    for text, path, whole in raw:
        kept = text
        if after_blank:
            kept = kept.lstrip(" ") if kept != "\n" else ("" if not runs else kept)
        if not kept:
            continue
        if kept == "\n" and runs and runs[-1].text.endswith(" "):
            last = runs[-1]
            runs[-1] = Run(last.start, last.text.rstrip(" "), last.path, last.whole)
            position = runs[-1].start + len(runs[-1].text)
        runs.append(Run(position, kept, path, whole))
        position += len(kept)
        after_blank = kept[-1] in " \n"
    return _without_trailing_blanks(runs)


def _gather(
    children: Sequence[Child],
    path: tuple[Node, ...],
    raw: list[tuple[str, tuple[Node, ...], Node | None]],
) -> None:
    for child in children:
        if isinstance(child, str):
            text = unescape(child) if "&" in child else child
            raw.append((_BLANKS.sub(" ", text), path, None))
        elif child.tag == "br":
            raw.append(("\n", path, None))
        elif child.tag == "img":
            raw.append((_BLANKS.sub(" ", child.attribute("alt") or ""), path, child))
        elif child.tag == "sup" and (raised := _raised(child)):
            raw.append((raised, path, child))
        else:
            _gather(child.children, (*path, child), raw)


def _raised(node: Node) -> str:
    """Return a raised number in raised digits, since "$5" with footnote 1 must not read "$51"."""
    text = "".join(child for child in node.children if isinstance(child, str)).strip()
    return text.translate(_RAISED) if _RAISED_NUMBER.fullmatch(text) else ""


def _without_trailing_blanks(runs: list[Run]) -> list[Run]:
    while runs:
        last = runs[-1]
        text = last.text.rstrip()
        if text:
            runs[-1] = Run(last.start, text, last.path, last.whole)
            break
        runs.pop()
    return runs


def text_of_runs(runs: Sequence[Run]) -> str:
    """Join the text of runs."""
    return "".join(run.text for run in runs)


def inline_text(children: Sequence[Child]) -> str:
    """Return the plain text of inline content: blanks collapsed, a newline for a line break."""
    if len(children) == 1 and isinstance(children[0], str):
        text = children[0]
        return _BLANKS.sub(" ", unescape(text) if "&" in text else text).strip()
    return text_of_runs(inline_runs(children))


def verbatim_text(node: Node) -> str:
    """Return the text of a code block as it stands, blanks and all."""
    parts: list[str] = []
    pending: list[Child] = [node]
    while pending:
        child = pending.pop()
        if isinstance(child, str):
            parts.append(unescape(child))
        elif child.tag == "br":
            parts.append("\n")
        else:
            pending.extend(reversed(child.children))
    return "".join(parts).strip("\n")


def html_of_runs(runs: Sequence[Run], start: int, end: int) -> str:
    """Write out the text between two places of a flattened paragraph, inside its own tags."""
    parts: list[str] = []
    open_path: tuple[Node, ...] = ()
    for run in runs:
        stop = run.start + len(run.text)
        if stop <= start or run.start >= end:
            continue
        shared = _shared(open_path, run.path)
        parts.extend(node.closing() for node in reversed(open_path[shared:]))
        parts.extend(node.opening() for node in run.path[shared:])
        open_path = run.path
        if run.whole is not None:
            parts.append(run.whole.html() if run.start >= start else "")
        else:
            text = run.text[max(start - run.start, 0) : end - run.start]
            parts.append("<br>" if text == "\n" else escape(text, quote=False))
    parts.extend(node.closing() for node in reversed(open_path))
    return "".join(parts)


def _shared(a: tuple[Node, ...], b: tuple[Node, ...]) -> int:
    """Count how many elements two paths have in common from outside."""
    count = 0
    while count < min(len(a), len(b)) and a[count] is b[count]:
        count += 1
    return count


def escaped(text: str) -> str:
    """Write plain text as HTML."""
    return escape(text, quote=False)
