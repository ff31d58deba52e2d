"""Vectors of passages: read where they are kept, made where they are missing.

Decides what is embedded once and kept (`PassageVector`, a cache keyed by text and encoder). Never
chooses the encoder: the caller gives it. Called by the import, the embedding task and the indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kb.models import PassageVector
from kb.search.entries import embedding_key, embedding_text

__all__ = [
    "SentenceEncoder",
    "embed_missing",
    "embedding_key",
    "embedding_text",
    "missing_keys",
    "stored_vectors",
]

Vector = npt.NDArray[np.float16]

_BATCH = 32
_READ_AT_ONCE = 2000


class SentenceEncoder(Protocol):
    """What turns texts into vectors of length one."""

    @property
    def name(self) -> str:
        """Names weights and recipe: vectors of two names are never compared."""

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one vector a text, float32, of length one."""


def stored_vectors(keys: Iterable[str], *, encoder_name: str) -> dict[str, Vector]:
    """Return the vectors that are kept for these keys under this encoder."""
    found: dict[str, Vector] = {}
    for chunk in _chunks(keys, _READ_AT_ONCE):
        rows = PassageVector.objects.filter(encoder=encoder_name, embedding_key__in=chunk)
        for key, packed in rows.values_list("embedding_key", "vector"):
            found[key] = np.frombuffer(bytes(packed), dtype="<f2")
    return found


def missing_keys(keys: Iterable[str], *, encoder_name: str) -> set[str]:
    """Return those of the keys for which no vector is kept under this encoder."""
    wanted = set(keys)
    for chunk in _chunks(sorted(wanted), _READ_AT_ONCE):
        rows = PassageVector.objects.filter(encoder=encoder_name, embedding_key__in=chunk)
        wanted.difference_update(rows.values_list("embedding_key", flat=True))
    return wanted


def embed_missing(
    texts: Mapping[str, str],
    *,
    encoder: SentenceEncoder,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Embed and keep the texts (by embedding key) that have no vector yet; return how many.

    At most `limit` of them, in the order given, batch by batch: what is done is kept if the process
    dies. `progress` is called with the size of each batch done.
    """
    missing = missing_keys(texts, encoder_name=encoder.name)
    todo = list(islice((key for key in texts if key in missing), limit))
    # Texts of one length together: a batch is padded to its longest.
    todo.sort(key=lambda key: len(texts[key]))
    for chunk in _chunks(todo, _BATCH):
        vectors = encoder.embed([texts[key] for key in chunk])
        keep_vectors(dict(zip(chunk, vectors, strict=True)), encoder_name=encoder.name)
        if progress:
            progress(len(chunk))
    return len(todo)


def keep_vectors(
    vectors: Mapping[str, npt.NDArray[np.float32]], *, encoder_name: str
) -> None:
    """Keep vectors under their keys; those that another process has kept meanwhile stay."""
    PassageVector.objects.bulk_create(
        (
            PassageVector(
                embedding_key=key,
                encoder=encoder_name,
                vector=np.asarray(vector, dtype="<f2").tobytes(),
            )
            for key, vector in vectors.items()
        ),
        ignore_conflicts=True,
    )


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
