"""How a language tag is written.

Decides the one spelling of a BCP 47 tag, since case says nothing in one. Never knows which
languages an installation holds. Called by drafting and imports.
"""

from __future__ import annotations

_SHAPES = {2: str.upper, 4: str.title}


def canonical_tag(tag: str) -> str:
    """Write a tag as BCP 47 (RFC 5646, 2.1.1) recommends: pt-BR, zh-Hant, de."""
    first, *rest = tag.split("-")
    return "-".join([first.lower(), *(_SHAPES.get(len(part), str.lower)(part) for part in rest)])
