"""Which passages may answer a question: words and meaning, from this machine's indexes.

Decides the order of proposals, never what may be served: every candidate is read again through the
gate. Where no index can be had, PostgreSQL's own full-text search proposes. Called by the actions
that answer, evaluate and search.
"""

from __future__ import annotations

import logging

from kb.inference.encoder import current
from kb.inference.vectors import question_vector
from kb.search import keeper, past
from kb.search.entries import primary_language
from kb.search.errors import IndexUnusableError
from kb.search.proposals import Candidate, Proposal
from kb.search.snapshot import Snapshot

__all__ = ["Candidate", "Proposal", "candidates"]

logger = logging.getLogger("kb.search")


def candidates(
    *, query: str, language: str | None, limit: int, audience: int | None = None
) -> Proposal:
    """Return up to `limit` passages that may answer, best first, from what is or will be in force.

    `language`: only passages of that language (BCP 47; the region doesn't matter). `audience` (a
    level of `policies.audience`) leaves out what is narrower, so that it takes no place. Raises
    django.db.Error if PostgreSQL can't be asked.
    """
    for _ in range(2):
        try:
            snapshot = keeper.current()
        except (IndexUnusableError, OSError) as error:
            logger.error("no search index; PostgreSQL's own search stands in: %s", error)
            break
        try:
            return _from(snapshot, query=query, language=language, limit=limit, audience=audience)
        except IndexUnusableError as error:
            keeper.distrust(snapshot, error)
    primary = primary_language(language) if language else None
    return past.propose(query, language=primary, limit=limit, still_in_force=True)


def _from(
    snapshot: Snapshot, *, query: str, language: str | None, limit: int, audience: int | None
) -> Proposal:
    present = current()
    comparable = present is not None and present.name == snapshot.manifest.encoder
    return snapshot.propose(
        query=query,
        vector=question_vector(query) if comparable else None,
        language=language,
        audience=audience,
        limit=limit,
    )
