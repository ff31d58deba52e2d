"""Who a text is for: the public, agents, or people inside only.

Decides whether a caller of one audience may be shown an item of another, and which of two audiences
is the narrower. Never looks at roles or owner groups. Called by `kb.gate`, `kb.text` and imports.
"""

from __future__ import annotations

from enum import IntEnum


class Audience(IntEnum):
    """Who may be told. Each level may also be told everything that the levels below it may.

    The numbers order the levels, so that a query can compare them; in text it is the name.
    """

    public = 1
    agent = 2
    internal = 3

    def __str__(self) -> str:
        return self.name


DEFAULT = Audience.internal
"""What an import without an audience gets: forgetting to say must never publish."""


def includes(caller: Audience, item: Audience) -> bool:
    """Say whether a caller of this audience may be shown the item."""
    return item <= caller


def narrower(a: Audience, b: Audience) -> Audience:
    """Return the more restricted of the two, the one that fewer callers may be shown."""
    return max(a, b)


def parse(text: str) -> Audience:
    """Read an audience from its name, whatever its case. Raises ValueError naming the choices."""
    try:
        return Audience[text.strip().casefold()]
    except KeyError:
        choices = ", ".join(Audience.__members__)
        raise ValueError(f"audience: {text!r} isn't an audience; write one of {choices}") from None
