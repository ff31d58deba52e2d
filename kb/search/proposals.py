"""What retrieval proposes: candidates, best first, and how telling the question's words are.

Holds shapes only. A proposal grants nothing: every candidate is read again through the gate.
Called by everything in `kb.search` and by the actions that answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kb.search.lexical import Term


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may answer.

    `lexical` is its BM25 score in units of a unique word's (`kb.search.lexical`), `dense` a cosine
    (None without an encoder or a vector), `blend` the score that orders the candidates.
    """

    passage_id: int
    article_id: int
    lexical: float
    dense: float | None
    blend: float


@dataclass(frozen=True)
class Proposal:
    """Candidates for one question, best first; `terms` are the question's telling words.

    `dense_available` says whether an encoder took part.
    """

    candidates: list[Candidate]
    terms: list[Term]
    dense_available: bool

    @cached_property
    def idf(self) -> dict[str, float]:
        """Inverse document frequency by stemmed word of the question."""
        return {term.stem: term.idf for term in self.terms}

    def candidate(self, passage_id: int) -> Candidate | None:
        """Return the candidate of a passage, or None."""
        return self._by_passage.get(passage_id)

    @cached_property
    def _by_passage(self) -> dict[int, Candidate]:
        return {candidate.passage_id: candidate for candidate in self.candidates}
