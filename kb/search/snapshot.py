"""One state of the indexes of a machine: words and vectors over all passages, opened for reading.

Decides which candidates words and meaning propose, with exact scores for every one of them. Never
knows Django or the database. A snapshot never changes: a newer one replaces it while questions on
the old one end. Called by `kb.search.retrieval`; opened and replaced by `kb.search.keeper`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kb.search.blend import blend
from kb.search.entries import primary_language
from kb.search.lexical import LexicalHit, LexicalIndex, Term
from kb.search.manifest import Manifest
from kb.search.matrix import Floats, Part, Scanner, exact_scores, open_part
from kb.search.proposals import Candidate, Proposal

_DEEPER = 3
"""How many times more candidates each of the two ways proposes than are asked for."""

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


def lexical_folder(folder: Path, generation: str) -> Path:
    """Return where the lexical index of a generation lies."""
    return folder / generation / "lexical"


@dataclass(frozen=True)
class _Pool:
    """Passages that were found, column by column; `dense` is NaN where there is no cosine."""

    ids: npt.NDArray[np.int64]
    articles: npt.NDArray[np.int64]
    lexical: npt.NDArray[np.float64]
    dense: npt.NDArray[np.float64]

    @classmethod
    def of(cls, hits: Sequence[LexicalHit]) -> _Pool:
        """Return what words have found."""
        return cls(
            ids=np.array([hit.passage_id for hit in hits], dtype=np.int64),
            articles=np.array([hit.article_id for hit in hits], dtype=np.int64),
            lexical=np.array([hit.score for hit in hits], dtype=np.float64),
            dense=np.full(len(hits), np.nan),
        )


class Snapshot:
    """The indexes as one manifest describes them. Threads may share it."""

    def __init__(self, folder: Path, manifest: Manifest, *, scanner: Scanner) -> None:
        """Open what the manifest names. Raises IndexUnusableError."""
        self.folder = folder
        self.manifest = manifest
        self._scanner = scanner
        self._parts = [
            open_part(
                folder / manifest.generation / info.name,
                rows=info.rows,
                dimensions=manifest.dimensions,
            )
            for info in manifest.parts
        ]
        self._lexical = LexicalIndex(lexical_folder(folder, manifest.generation))
        self._offsets = np.cumsum([0, *(len(part.rows) for part in self._parts)])
        self._passages = self._column("passage_id")
        self._articles = self._column("article_id")
        self._order = np.argsort(self._passages, kind="stable")
        self._masks: dict[tuple[str | None, int | None], Mask] = {}

    def _column(self, name: str) -> npt.NDArray[np.int64]:
        columns = [part.rows[name] for part in self._parts]
        return np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)

    @cached_property
    def alive(self) -> list[Mask]:
        """Per part, which rows no later part has replaced."""
        masks = [np.ones(len(part.rows), dtype=np.bool_) for part in self._parts]
        for number, info in enumerate(self.manifest.parts):
            for earlier in range(number if info.removed else 0):
                masks[earlier] &= ~np.isin(self._parts[earlier].rows["article_id"], info.removed)
        return masks

    @property
    def parts(self) -> Sequence[Part]:
        """The parts, oldest first."""
        return self._parts

    @cached_property
    def size(self) -> int:
        """How many passages are held."""
        return sum(int(mask.sum()) for mask in self.alive)

    def passage_ids(self) -> npt.NDArray[np.int64]:
        """Return the ids of all passages that are held, ascending."""
        return np.sort(self._passages[self._mask(None, None, vectors_only=False)])

    def is_whole(self) -> bool:
        """Say whether no file has been cut short since it was opened, nor a row's file removed."""
        try:
            rows_are = all(
                path.stat().st_size == size for part in self._parts for path, size in part.files()
            )
        except OSError:
            return False
        return rows_are and self._lexical.is_whole()

    def propose(
        self,
        *,
        query: str,
        vector: Floats | None,
        language: str | None = None,
        audience: int | None = None,
        limit: int,
    ) -> Proposal:
        """Return up to `limit` candidates, best first; without `vector`, by words alone.

        `language` (regions aside) and `audience` leave out other passages. Raises
        IndexUnusableError if the lexical index turns out to be damaged.
        """
        if vector is not None and len(vector) != self.manifest.dimensions:
            vector = None
        depth = limit * _DEEPER
        primary = primary_language(language) if language else None
        terms = self._lexical.terms(query)
        hits = self._lexical.search(terms, language=primary, audience=audience, limit=depth)
        pool = _Pool.of(hits)
        if vector is not None:
            near = self._nearest(vector, self._mask(primary, audience), depth)
            pool = self._with_meaning(pool, near, vector)
        candidates = self._ranked(pool, terms)[:limit]
        return Proposal(candidates=candidates, terms=terms, dense_available=vector is not None)

    def _with_meaning(self, pool: _Pool, near: Rows, vector: Floats) -> _Pool:
        """Add cosines to what words have found, and what only meaning has found."""
        rows = self._rows_of(pool.ids)
        dense = pool.dense.copy()
        dense[rows >= 0] = self._exact(rows[rows >= 0], vector)
        new = np.setdiff1d(near, rows)
        return _Pool(
            ids=np.concatenate([pool.ids, self._passages[new]]),
            articles=np.concatenate([pool.articles, self._articles[new]]),
            lexical=np.concatenate([pool.lexical, np.zeros(len(new))]),
            dense=np.concatenate([dense, self._exact(new, vector)]),
        )

    def _ranked(self, pool: _Pool, terms: Sequence[Term]) -> list[Candidate]:
        ids = pool.ids.tolist()
        shares = self._lexical.coverage(terms, ids)
        coverage = np.array([shares.get(passage_id, 0.0) for passage_id in ids], dtype=np.float64)
        scores = blend(lexical=pool.lexical, coverage=coverage, dense=pool.dense, terms=terms)
        # Equal scores in the order of ids: the same question always gets the same answer.
        return [
            Candidate(
                passage_id=ids[place],
                article_id=int(pool.articles[place]),
                lexical=float(pool.lexical[place]),
                dense=None if np.isnan(pool.dense[place]) else float(pool.dense[place]),
                blend=float(scores[place]),
            )
            for place in np.lexsort((pool.ids, -scores))
        ]

    def _mask(
        self, language: str | None, audience: int | None, *, vectors_only: bool = True
    ) -> Mask:
        """Return the rows that may be proposed; kept for the next question."""
        key = (language, audience)
        if vectors_only and key in self._masks:
            return self._masks[key]
        matching = [
            _matching(part, alive, language, audience, vectors_only)
            for part, alive in zip(self._parts, self.alive, strict=True)
        ]
        mask: Mask = np.concatenate(matching) if matching else np.zeros(0, dtype=np.bool_)
        if vectors_only:
            self._masks[key] = mask
        return mask

    def _nearest(self, vector: Floats, mask: Mask, depth: int) -> Rows:
        """The rows of the highest approximate cosines."""
        if not len(mask):
            return np.zeros(0, dtype=np.intp)
        scores = np.concatenate([self._scanner.scores(part, vector) for part in self._parts])
        scores[~mask] = -np.inf
        if len(scores) > depth:
            best = np.argpartition(scores, len(scores) - depth)[len(scores) - depth :]
        else:
            best = np.arange(len(scores))
        near: Rows = best[np.isfinite(scores[best])]
        return near

    def _rows_of(self, passage_ids: npt.NDArray[np.int64]) -> Rows:
        """The living row of each passage, or -1."""
        rows = np.full(len(passage_ids), -1, dtype=np.intp)
        if not len(self._passages):
            return rows
        alive = self._mask(None, None)
        # Of several rows of one passage the last is the living one.
        at = np.searchsorted(self._passages, passage_ids, side="right", sorter=self._order) - 1
        found = self._order[np.maximum(at, 0)]
        good = (at >= 0) & (self._passages[found] == passage_ids) & alive[found]
        rows[good] = found[good]
        return rows

    def _exact(self, rows: Rows, vector: Floats) -> npt.NDArray[np.float64]:
        """The cosines of some rows; NaN without a vector."""
        scores = np.full(len(rows), np.nan)
        owners = np.searchsorted(self._offsets, rows, side="right") - 1
        for number in np.unique(owners):
            mine = owners == number
            places = rows[mine] - self._offsets[number]
            scores[mine] = exact_scores(self._parts[number], places, vector)
        return scores


def _matching(
    part: Part, alive: Mask, language: str | None, audience: int | None, vectors_only: bool
) -> Mask:
    mask = alive.copy()
    if vectors_only:
        mask &= part.rows["scale"] > 0
    if language:
        mask &= part.rows["language"] == language[:8].encode()
    if audience is not None:
        mask &= part.rows["audience"] <= audience
    return mask
