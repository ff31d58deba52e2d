"""Made-up passages for tests of the indexes that need no database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kb.search import building
from kb.search.building import Origin
from kb.search.entries import Entry, embedding_key
from kb.search.matrix import Scanner, Vector
from kb.search.snapshot import Snapshot

DIMENSIONS = 16
SCANNER = Scanner()
ORIGIN = Origin(source="test", encoder="made-up", dimensions=DIMENSIONS)


def entry(passage_id: int, text: str, **given: Any) -> Entry:
    """A public English passage of an article of its own; override what the test is about."""
    title, headings = given.pop("title", "Untold"), given.pop("headings", ())
    return Entry(
        **{
            "passage_id": passage_id,
            "article_id": passage_id,
            "version_id": passage_id,
            "language": "en",
            "audience": 1,
            "title": title,
            "headings": headings,
            "text": text,
            "embedding_key": embedding_key(title, headings, text),
            **given,
        }
    )


def vector(seed: int, dimensions: int = DIMENSIONS) -> Vector:
    """A direction that depends on the seed alone, of length one."""
    drawn = np.random.default_rng(seed).standard_normal(dimensions)
    return (drawn / np.linalg.norm(drawn)).astype(np.float16)


def built(
    folder: Path, entries: Sequence[Entry], *, vectors: Sequence[Vector | None] | None = None
) -> Snapshot:
    """An index of these passages; each vector's seed is its passage's id unless given."""
    given = [vector(one.passage_id) for one in entries] if vectors is None else vectors
    manifest = building.build(folder, origin=ORIGIN, mark=None, blocks=[(entries, given)])
    return Snapshot(folder, manifest, scanner=SCANNER)
