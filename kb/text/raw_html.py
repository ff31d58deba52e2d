"""What raw HTML inside Markdown may do: which tags are HTML at all, how deep, and what is refused.

Decides which `<...>` in an article is markup and which is a writer's own bracket ("enter <name>"),
and names what may never stand in an article. Never cleans HTML itself: that is the sanitiser's work
in `kb.text.markdown`, the only caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

MAX_DEPTH = 200
"""Elements that may stand inside each other. The sanitiser's time grows with the square of it."""

REFUSED_TAGS = frozenset(
    "applet base embed form frame frameset iframe object script".split()  # noqa: SIM905
)

_KNOWN_TAGS = frozenset(
    """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink
    blockquote body br button canvas caption center cite code col colgroup data datalist dd del
    details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame
    frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend
    li link main map mark marquee math menu meta meter nav nobr noframes noscript object ol
    optgroup option output p param picture pre progress q rp rt ruby s samp script search section
    select slot small source span strike strong style sub summary sup svg table tbody td template
    textarea tfoot th thead time title tr track tt u ul var video wbr
    """.split()  # noqa: SIM905
)

# Elements that never nest by themselves: void ones, and those whose end tag HTML lets out.
_NOT_NESTING = frozenset(
    """
    area base br col embed frame hr img input link meta param source track wbr
    p li dt dd tr td th thead tbody tfoot colgroup option optgroup rp rt body html head
    """.split()  # noqa: SIM905
)

_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9-]*)((?:[^<>"']|"[^"]*"|'[^']*')*+)>""")
_URL_ATTRIBUTES = frozenset(
    "action background cite data formaction href poster src srcset xlink:href".split()  # noqa: SIM905
)
_IGNORED_IN_SCHEME = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028\u2029\ufeff]+")
_REFUSED_SCHEME = re.compile(r"(javascript|vbscript|livescript|data):", re.IGNORECASE)


@dataclass(slots=True)
class Nesting:
    """How deep the raw HTML of one document stands at this point; at most `MAX_DEPTH` counts."""

    depth: int = 0
    deepest: int = 0

    def admits(self, tag: str, *, closing: bool) -> bool:
        """Count one tag, and say whether it still fits."""
        if tag in _NOT_NESTING:
            return True
        if closing:
            self.depth = max(0, self.depth - 1)
            return True
        self.deepest = max(self.deepest, self.depth + 1)
        if self.depth >= MAX_DEPTH:
            return False
        self.depth += 1
        return True


def escape_foreign(html: str, *, nesting: Nesting) -> str:
    """Turn every tag that isn't HTML's, or stands too deep, into plain text.

    A sanitiser would drop "<account number>" or "<or>" and with it the sense of the sentence.
    """

    def one(match: re.Match[str]) -> str:
        tag = match[2].lower()
        if tag in _KNOWN_TAGS and nesting.admits(tag, closing=bool(match[1])):
            return match[0]
        return "&lt;" + match[0][1:]

    return _TAG.sub(one, html)


def refused_scheme(url: str) -> str | None:
    """Return the scheme of a URL that may not be linked to (`javascript`, `data`...), or None.

    Blanks and control characters inside the scheme are ignored, as browsers ignore them.
    """
    match = _REFUSED_SCHEME.match(_IGNORED_IN_SCHEME.sub("", url[:200]))
    return match[1].lower() if match else None


def refusal(html: str) -> tuple[str, int] | None:
    """Name the first thing in a piece of raw HTML that no article may carry, and its line, from 0.

    None where there is nothing of the kind.
    """
    scanner = _Scanner()
    scanner.feed(html)
    scanner.close()
    return scanner.found[0] if scanner.found else None


@dataclass(eq=False)
class _Scanner(HTMLParser):
    """Reads tags and attributes the way a browser would, entities resolved."""

    found: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one start tag."""
        if tag in REFUSED_TAGS:
            self._add(f"a <{tag}> element")
        for name, value in attrs:
            if re.fullmatch(r"on[a-z]+", name):
                self._add(f"an event handler ({name}) on <{tag}>")
            elif name == "srcdoc":
                self._add(f"an embedded page (srcdoc) on <{tag}>")
            elif name in _URL_ATTRIBUTES and value and (scheme := refused_scheme(value)):
                self._add(f"a {scheme}: link on <{tag}>")

    def _add(self, reason: str) -> None:
        self.found.append((reason, self.getpos()[0] - 1))
