"""The words by which an author keeps a part of an article from the public.

Decides which audience a heading or a lead-in names; never widens one, and takes an unreadable
marker for the narrowest. "Internal use only" and "agents only" both mean the people who serve
customers (`agent`): that is how such text is used, a script that no customer may read. What agents
may not see either is marked `{audience=internal}`. Called by `kb.text.sections`.
"""

from __future__ import annotations

import re

from policies import audience as audiences
from policies.audience import Audience

_MARKER = re.compile(r"\s?\{\s*audience\s*[=:]\s*[\"']?([\w-]*)[\"']?\s*\}\s?", re.IGNORECASE)
_ONLY = (
    r"(?:for\s+)?(?:(?:strictly|confidential)\W{1,5})?"
    r"(?:internal(?:\s+use)?|(?:(?:support|service|call[- ]cent(?:er|re)|human|live)\s+)?agents?"
    r"(?:'|\u2019)?(?:\s+use)?|(?:staff|employees?)(?:\s+use)?)[\s-]+only"
)
_SAYS_ONLY = re.compile(rf"\b{_ONLY}\b", re.IGNORECASE)
_AGENT_HEADING = re.compile(
    r"(?:for|notes?\s+(?:for|to))\s+(?:(?:support|service|call[- ]cent(?:er|re))\s+)?agents?\W*"
    r"|agents?['\u2019]?\s+(?:notes?|responsibilit(?:y|ies)|instructions?)\W*",
    re.IGNORECASE,
)
# Anywhere: "the code (agents only) is", "Fee, internal use only: $5"; but not "it is for internal
# use only.", which a public text may say of anything.
_SET_APART = re.compile(rf"[(\[]\s*{_ONLY}\s*[)\]]|\b{_ONLY}\W{{0,2}}:", re.IGNORECASE)
# At the beginning of a paragraph, list item or table row, closed by a colon, a bracket or its end.
_LEAD = re.compile(
    rf"\W{{0,6}}(?:(?:note\W+)?{_ONLY}\b|"
    r"for\s+(?:(?:support|service|call[- ]cent(?:er|re))\s+)?agents(?=\s*\W{0,3}:)|"
    r"(?:notes?\s+(?:for|to)\s+(?:(?:support|service)\s+)?agents?|agents?['\u2019]?\s+notes?|"
    r"internal\s+notes?)(?=\s*\W{0,3}:)|(?<=[(\[])(?:internal|agents?)(?=[)\]]))"
    r"(?P<after>\s*[^\w\s$€£#]*)",
    re.IGNORECASE,
)

_CLOSED = re.compile(r"[:)\]!.\u2013\u2014\n-]")


def of_heading(heading: str) -> tuple[str, Audience]:
    """Return a heading without its `{audience=..}` marker, and the audience that it names.

    A heading that names none is for the public, that is: for whom the article is for.
    """
    audience = Audience.public
    for match in _MARKER.finditer(heading):
        audience = audiences.narrower(audience, _named(match[1]))
    shown = _MARKER.sub(" ", heading).strip() if "{" in heading else heading
    if _SAYS_ONLY.search(shown) or _AGENT_HEADING.fullmatch(shown):
        audience = audiences.narrower(audience, Audience.agent)
    return shown, audience


def of_text(text: str) -> Audience:
    """Return the audience that a paragraph, list item or table row names for itself."""
    audience = Audience.public
    if _leads(text) or _SET_APART.search(text):
        audience = Audience.agent
    if "audience" in text[:40] or "audience" in text[-40:]:
        for match in _MARKER.finditer(text):
            if match.start() == 0 or match.end() == len(text):
                audience = audiences.narrower(audience, _named(match[1]))
    return audience


def _leads(text: str) -> bool:
    """Say whether a text begins with such words and then with something new.

    "Agents only: ..." and "Internal use only Use code 5", but not "Agents only see ...".
    """
    lead = _LEAD.match(text)
    if lead is None:
        return False
    rest = text[lead.end() :]
    return not rest or _CLOSED.search(lead["after"]) is not None or not rest[0].islower()


def is_nothing_else(text: str) -> bool:
    """Say whether a text consists of such words alone, so that they are said of what follows."""
    lead = _LEAD.match(text)
    return bool(lead and lead.end() == len(text)) or _MARKER.fullmatch(text) is not None


def _named(name: str) -> Audience:
    try:
        return audiences.parse(name)
    except ValueError:
        return Audience.internal
