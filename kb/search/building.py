"""How an index folder is written: a whole generation, or a small part added to the current one.

Decides the order of writing, so that a process killed at any moment leaves an index that readers
can use: files first, the manifest last. Never reads the database: entries and vectors are given.
One process writes at a time; `kb.search.keeper` holds the lock. Django-free.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kb.search import manifest as manifests
from kb.search.entries import Entry
from kb.search.lexical import LexicalWriter
from kb.search.manifest import Manifest, Mark, PartInfo
from kb.search.matrix import PartWriter, Vector
from kb.search.snapshot import Snapshot, lexical_folder

MOST_PARTS = 16
_SMALL = 2000
"""Parts beside the first are folded into it when they exceed this many rows and a tenth of it."""

Block = tuple[Sequence[Entry], Sequence[Vector | None]]


@dataclass(frozen=True)
class Origin:
    """Whose passages these are, and under which encoder ("" and 0 without one)."""

    source: str
    encoder: str
    dimensions: int


def build(folder: Path, *, origin: Origin, mark: Mark | None, blocks: Iterable[Block]) -> Manifest:
    """Write a new generation beside the current one, and put it in its place in one step.

    `blocks` are passages in ascending order of their ids, with their vectors. Raises OSError.
    """
    generation = f"g-{secrets.token_hex(6)}"
    target = folder / generation
    target.mkdir(parents=True)
    lexical = LexicalWriter(lexical_folder(folder, generation), create=True)
    part = PartWriter(target / "0", dimensions=origin.dimensions)
    pending: set[int] = set()
    for entries, vectors in blocks:
        lexical.add(entries)
        part.add(entries, vectors)
        pending |= _without_vectors(entries, vectors, origin)
    part.close()
    lexical.commit()
    manifest = Manifest(
        source=origin.source,
        generation=generation,
        encoder=origin.encoder,
        dimensions=origin.dimensions,
        mark=mark,
        parts=[PartInfo(name="0", rows=part.rows)],
        pending=sorted(pending),
    )
    manifests.write(folder, manifest)
    _remove_others(folder, generation)
    return manifest


def extend(
    snapshot: Snapshot,
    *,
    mark: Mark | None,
    removed: Iterable[int],
    entries: Sequence[Entry],
    vectors: Sequence[Vector | None],
) -> Manifest:
    """Replace the passages of the `removed` articles by the given ones, and publish that.

    Doing it twice is the same as once. Raises OSError, or IndexUnusableError if the lexical index
    can't be written to.
    """
    folder, old = snapshot.folder, snapshot.manifest
    articles = sorted(set(removed))
    origin = Origin(source=old.source, encoder=old.encoder, dimensions=old.dimensions)
    new = replace(
        old,
        mark=mark,
        pending=sorted(
            (set(old.pending) - set(articles)) | _without_vectors(entries, vectors, origin)
        ),
    )
    if articles:
        _write_words(lexical_folder(folder, old.generation), articles, entries)
        info = _write_part(folder / old.generation, origin, articles, entries, vectors)
        new = replace(new, parts=[*old.parts, info])
    manifests.write(folder, new)
    return new


def _write_words(folder: Path, articles: Sequence[int], entries: Sequence[Entry]) -> None:
    writer = LexicalWriter(folder)
    writer.remove_articles(articles)
    writer.add(entries)
    writer.commit()


def _write_part(
    generation: Path,
    origin: Origin,
    articles: list[int],
    entries: Sequence[Entry],
    vectors: Sequence[Vector | None],
) -> PartInfo:
    name = secrets.token_hex(6)
    part = PartWriter(generation / name, dimensions=origin.dimensions)
    part.add(entries, vectors)
    part.close()
    return PartInfo(name=name, rows=part.rows, removed=articles)


def wants_folding(manifest: Manifest) -> bool:
    """Say whether the parts have become so many, or so large, that they should be one again."""
    rest = sum(part.rows for part in manifest.parts[1:])
    largest = manifest.parts[0].rows if manifest.parts else 0
    return len(manifest.parts) > MOST_PARTS or rest > max(_SMALL, largest // 10)


def fold(snapshot: Snapshot) -> Manifest:
    """Write the living rows of all parts as one part, and publish that. Raises OSError."""
    folder, old = snapshot.folder, snapshot.manifest
    name = secrets.token_hex(6)
    part = PartWriter(folder / old.generation / name, dimensions=old.dimensions)
    # Ids ascend from part to part, except where an article's vectors came late.
    part.copy_alive(snapshot.parts, snapshot.alive)
    part.close()
    new = replace(old, parts=[PartInfo(name=name, rows=part.rows)])
    manifests.write(folder, new)
    for path in (folder / old.generation).iterdir():
        if path.name not in {name, "lexical"}:  # the parts it replaces, and what a kill left behind
            shutil.rmtree(path, ignore_errors=True)
    return new


def _without_vectors(
    entries: Sequence[Entry], vectors: Sequence[Vector | None], origin: Origin
) -> set[int]:
    if not origin.dimensions:
        return set()
    return {
        entry.article_id for entry, vector in zip(entries, vectors, strict=True) if vector is None
    }


def _remove_others(folder: Path, generation: str) -> None:
    """Remove what earlier generations, or a writer that was killed, left behind."""
    for path in folder.glob("g-*"):
        if path.name != generation:
            shutil.rmtree(path, ignore_errors=True)
