"""Vectors of passages: read where they are kept, made where they are missing.

Decides what is embedded once and kept (`PassageVector`, a cache keyed by text and encoder). Never
chooses the encoder: the caller gives it. Called by the import, the embedding task and the indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
import numpy.typing as npt

from kb.inference.encoder import Encoder
from kb.inference.vectors import pack
from kb.models import PassageVector
from kb.search.entries import embedding_key, embedding_text

__all__ = ["embed_missing", "embedding_key", "embedding_text", "missing_keys", "stored_vectors"]

_BATCH = 32
_READ_AT_ONCE = 2000
_BYTES_PER_NUMBER = 2


def stored_vectors(
    keys: Iterable[str], *, encoder_name: str, dimensions: int
) -> dict[str, npt.NDArray[np.float16]]:
    """Return the vectors that are kept for these keys under this encoder: (dimensions,), float16.

    One of another length is left out, as if it were missing.
    """
    found: dict[str, npt.NDArray[np.float16]] = {}
    for chunk in _chunks(keys, _READ_AT_ONCE):
        rows = PassageVector.objects.filter(encoder=encoder_name, embedding_key__in=chunk)
        for key, packed in rows.values_list("embedding_key", "vector"):
            if len(packed) == dimensions * _BYTES_PER_NUMBER:
                found[key] = np.frombuffer(packed, dtype="<f2")
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
    encoder: Encoder,
    limit: int | None = None,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Embed and keep the texts (by embedding key) that have no vector yet; return how many.

    At most `limit` of them, in the order given, batch by batch: what is done is kept if the process
    dies. `threads` is how many are worked on at once; `progress` is called with each batch's size.
    """
    missing = missing_keys(texts, encoder_name=encoder.name)
    todo = list(islice((key for key in texts if key in missing), limit))
    for chunk in _chunks(todo, _BATCH):
        vectors = encoder.embed([texts[key] for key in chunk], threads=threads)
        keep_vectors(dict(zip(chunk, vectors, strict=True)), encoder_name=encoder.name)
        if progress:
            progress(len(chunk))
    return len(todo)


def keep_vectors(vectors: Mapping[str, npt.NDArray[np.float32]], *, encoder_name: str) -> None:
    """Keep vectors under their keys; those that another process has kept meanwhile stay."""
    PassageVector.objects.bulk_create(
        (
            PassageVector(
                embedding_key=key,
                encoder=encoder_name,
                vector=pack(vector),
            )
            for key, vector in vectors.items()
        ),
        ignore_conflicts=True,
    )


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
