"""Markdown to sanitised HTML and to plain text, and the reason why a text is refused.

Decides what an article may look like: CommonMark with tables and strikethrough, raw HTML as far as
it is harmless. Never resolves facts (`kb.text.rendering` does, before) and never splits. Called by
`kb.text.passages`, the doors that show articles, and the import's checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb.text import blocks, raw_html, tree

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# The same grammar, but it lets every link through, so that a refused one can be seen and named.
_OPEN_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_OPEN_PARSER.validateLink = lambda url: True  # type: ignore[method-assign]

_IMAGE_PREFIX = "/image/"
_CALLOUT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")
_ALIGN = re.compile(r"text-align:\s*(left|right|center)")

_INLINE_TAGS = set(
    """
    a abbr b bdi bdo br cite code del dfn em i img ins kbd mark q rp rt ruby s samp small strong
    sub sup u var
    """.split()  # noqa: SIM905
)
_CLEANER = nh3.Cleaner(
    tags=_INLINE_TAGS | set(tree.BLOCKS),
    clean_content_tags={
        "applet", "audio", "canvas", "embed", "iframe", "math", "noembed", "noframes", "noscript",
        "object", "script", "select", "style", "svg", "template", "textarea", "title", "video",
    },
    attributes={
        "*": {"lang", "dir"},
        "a": {"href", "title"},
        "abbr": {"title"},
        "img": {"src", "alt"},
        "ol": {"start"},
        "td": {"align", "colspan", "rowspan"},
        "th": {"align", "colspan", "rowspan"},
    },
    attribute_filter=lambda tag, name, value: (
        None if name == "src" and not value.startswith(_IMAGE_PREFIX) else value
    ),
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="nofollow noopener",
    strip_comments=True,
)  # fmt: skip

# Without any of these no text can carry what `dangerous` looks for, and it needn't be parsed.
_SUSPICIOUS = re.compile(
    r"<\s*(?:" + "|".join(sorted(raw_html.REFUSED_TAGS)) + r")\b"
    r"|\bon[a-z]+\s*=|script\s*:|\bdata\s*:|srcdoc|&\w|&#",
    re.IGNORECASE,
)


def to_html(markdown: str) -> str:
    """Render Markdown as HTML that is safe to show anywhere.

    Links may go to http, https, mailto, tel and within the site; images only to `/image/`. A tag
    that HTML doesn't know is shown as text, so that "<account number>" isn't lost.
    """
    environment: dict[str, object] = {}
    tokens = _PARSER.parse(markdown, environment)
    nesting = raw_html.Nesting()
    for token in _flat(tokens):
        _adapt(token, nesting)
    return _CLEANER.clean(_PARSER.renderer.render(tokens, _PARSER.options, environment))


def plain_text(markdown: str) -> str:
    """Return what a reader sees, without markup: a line per list item and per table row."""
    return blocks.document_text(tree.parse(to_html(markdown)))


def dangerous(markdown: str) -> str | None:
    """Say why a text can't be taken in, with its line, or return None where nothing is wrong.

    Refused are elements that run or embed something, event handlers, links that carry code, and
    HTML nested beyond reason. Other raw HTML is harmless or removed on the way out.
    """
    if not _SUSPICIOUS.search(markdown) and markdown.count("<") <= raw_html.MAX_DEPTH:
        return None
    nesting = raw_html.Nesting()
    line = 1
    for token in _flat(_OPEN_PARSER.parse(markdown)):
        if token.map:
            line = token.map[0] + 1
        found = _refusal(token, nesting)
        if found:
            return f"line {line + found[1]}: {found[0]} isn't allowed in an article; remove it"
    return None


def _refusal(token: Token, nesting: raw_html.Nesting) -> tuple[str, int] | None:
    """Return what is wrong with a token, and how many lines after its beginning."""
    if token.type in {"html_block", "html_inline"}:
        raw_html.escape_foreign(token.content, nesting=nesting)
        if nesting.deepest > raw_html.MAX_DEPTH:
            return f"HTML nested more than {raw_html.MAX_DEPTH} elements deep", 0
        return raw_html.refusal(token.content) if _SUSPICIOUS.search(token.content) else None
    if token.type in {"link_open", "image"}:
        scheme = raw_html.refused_scheme(str(token.attrs.get("href") or token.attrs.get("src", "")))
        return (f"a {scheme}: link", 0) if scheme else None
    return None


def _flat(tokens: list[Token]) -> Iterator[Token]:
    """Every token, those inside paragraphs after the paragraph's own."""
    for token in tokens:
        yield token
        if token.children:
            yield from _flat(token.children)


def _adapt(token: Token, nesting: raw_html.Nesting) -> None:
    """Fit one token to what is shown here, in place."""
    if token.type in {"html_block", "html_inline"}:
        token.content = raw_html.escape_foreign(token.content, nesting=nesting)
    elif token.type == "image" and not str(token.attrs.get("src", "")).startswith(_IMAGE_PREFIX):
        # Only images held here can be shown; of others the description stays.
        token.type, token.tag, token.children = "text", "", None
    elif token.type in {"th_open", "td_open"} and token.attrs:
        # An attribute rather than a style, which a strict content security policy would block.
        align = _ALIGN.search(str(token.attrs.get("style", "")))
        token.attrs = {"align": align[1]} if align else {}
    elif token.type == "inline" and token.children and "[!" in token.content[:12]:
        first = token.children[0]
        if first.type == "text" and (callout := _CALLOUT.match(first.content)):
            rest = first.content[callout.end() :]
            first.content = f"{callout[1].capitalize()}: {rest}"
