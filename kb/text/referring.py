"""Which facts the part of a text that somebody may read refers to.

Decides it as the passages are divided: by the audience of the section, paragraph, item or row that
holds the reference. Never looks a fact up. Called by the answering action, so that a value which
only an agents' section states isn't told beside the public one.
"""

from __future__ import annotations

from kb.text import passages, rendering

# Private-use characters: no text holds them, and neither Markdown nor sanitising changes them.
_OPEN, _CLOSE = "\ue000", "\ue001"


def fact_keys_for(*, title: str, body: str, audience: str, reader: str) -> frozenset[str]:
    """Return the keys that a version's `body` refers to where a `reader` (an audience) may read.

    Raises ValueError for an unknown audience.
    """
    keys = rendering.fact_keys(body)
    marks = {key: f"{_OPEN}{place}{_CLOSE}" for place, key in enumerate(keys)}
    marked = rendering.render(body, marks)
    shown = passages.page(title=title, body=marked, audience=audience, reader=reader)
    return frozenset(key for key, mark in marks.items() if mark in shown)
