"""One score out of two: words in common and closeness of meaning.

Decides the order of candidates. The weights were measured by bench/retrieval_quality.py; scores are
absolute (not relative to the other candidates), so that they mean the same for every question and
don't drift as passages come and go. Pure. Called by `kb.search.retrieval` and `kb.search.past`.
"""

from __future__ import annotations

from collections.abc import Sequence

from kb.search.lexical import Term

DENSE_WEIGHT = 0.8

# What BM25 gives a word that stands once in a passage of ordinary length, in units of its idf,
# times the two or three places (text, heading, exact) in which a word that matters usually stands.
_FULL_MATCH = 2.0


def lexical_share(score: float, terms: Sequence[Term]) -> float:
    """Return a BM25 score as a share, 0 to 1, of what a passage with all the words would get."""
    reachable = _FULL_MATCH * sum(term.idf for term in terms)
    return min(1.0, score / reachable) if reachable > 0 else 0.0


def blend(*, lexical: float, dense: float | None, terms: Sequence[Term]) -> float:
    """Return the score that orders candidates. Without a dense score, the lexical share alone."""
    share = lexical_share(lexical, terms)
    if dense is None:
        return share
    return DENSE_WEIGHT * dense + (1.0 - DENSE_WEIGHT) * share
