"""Passages with their vectors, page by page, on their way into an index.

Decides how many missing vectors are made on the spot. Called by `kb.search.keeper` alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from kb.inference.encoder import Encoder
from kb.inference.runtime import RUNTIME_ERRORS
from kb.search import source
from kb.search.embedding import embed_missing, embedding_text, stored_vectors
from kb.search.entries import Entry

logger = logging.getLogger("kb.search")

Vector = npt.NDArray[np.float16]


class Blocks:
    """Adds vectors to pages of entries; at most `budget` texts are embedded (None: all).

    `progress` is called with the passages that are done and how many there are; `threads` is how
    many texts are embedded at once.
    """

    def __init__(
        self,
        *,
        encoder: Encoder | None,
        budget: int | None,
        progress: Callable[[int, int], None] | None = None,
        threads: int = 1,
    ) -> None:
        self._encoder = encoder
        self._budget = budget
        self._progress = progress
        self._threads = threads
        self._done = 0
        self._total = 0

    def of(self, pages: Iterable[list[Entry]]) -> Iterator[tuple[list[Entry], list[Vector | None]]]:
        """Yield each page with its vectors."""
        self._total = source.count() if self._progress else 0
        for page in pages:
            before = self._done
            yield page, self.vectors(page)
            self._tell(before + len(page) - self._done)

    def _tell(self, more: int) -> None:
        self._done += more
        if self._progress:
            self._progress(self._done, max(self._total, self._done))

    def vectors(self, entries: Sequence[Entry]) -> list[Vector | None]:
        """Return the vector of each entry; None where there is none yet."""
        if self._encoder is None or not entries:
            return [None] * len(entries)
        keys = [entry.embedding_key for entry in entries]
        kept = self._stored(keys, self._encoder)
        missing = {
            entry.embedding_key: embedding_text(entry.title, entry.headings, entry.text)
            for entry in entries
            if entry.embedding_key not in kept
        }
        if missing and (self._budget is None or self._budget > 0):
            self._embed(missing, self._encoder)
            kept |= self._stored(missing, self._encoder)
        return [kept.get(key) for key in keys]

    @staticmethod
    def _stored(keys: Iterable[str], encoder: Encoder) -> dict[str, Vector]:
        return stored_vectors(keys, encoder_name=encoder.name, dimensions=encoder.dimensions)

    def _embed(self, texts: dict[str, str], encoder: Encoder) -> None:
        try:
            made = embed_missing(
                texts,
                encoder=encoder,
                limit=self._budget,
                threads=self._threads,
                progress=self._tell,
            )
        except RUNTIME_ERRORS:
            logger.exception("the sentence encoder failed; new passages are found by words alone")
            self._budget = 0
            return
        if self._budget is not None:
            self._budget -= made
