"""What an index holds about one passage, and the text of it that is embedded.

Decides which words stand for a passage: its article's title, its headings, its text. Never reads
the database: `kb.search.source` does. Called by the indexes, the import and the embedding task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One passage as an index takes it in. `audience` is the level of `policies.audience`."""

    passage_id: int
    article_id: int
    version_id: int
    language: str
    audience: int
    title: str
    headings: tuple[str, ...]
    text: str
    embedding_key: str


def embedding_text(title: str, headings: Sequence[str], text: str) -> str:
    """Return the text that is embedded for a passage: "title > heading: text"."""
    return f"{' > '.join([title, *headings])}: {text}"


def embedding_key(title: str, headings: Sequence[str], text: str) -> str:
    """Return the name of that text: its SHA-256, in hexadecimal. Equal texts are embedded once."""
    return hashlib.sha256(embedding_text(title, headings, text).encode()).hexdigest()


def primary_language(tag: str) -> str:
    """Return the language of a BCP 47 tag without region or script: "en" of "en-GB"."""
    return tag.replace("_", "-").split("-", 1)[0].casefold()
