"""One score out of two: words in common and closeness of meaning.

Decides the order of candidates. The weights were measured by bench/retrieval_quality.py; scores are
absolute (not relative to the other candidates), so that they mean the same for every question and
don't drift as passages come and go. Pure. Called by `kb.search.retrieval` and `kb.search.past`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kb.search.lexical import Term

Scores = npt.NDArray[np.float64]

DENSE_WEIGHT = 0.8

# What BM25 gives a word that stands once in a passage of ordinary length, in units of its idf,
# times the two or three places (text, heading, exact) in which a word that matters usually stands.
_FULL_MATCH = 2.0


def blend(*, lexical: Scores, dense: Scores, terms: Sequence[Term]) -> Scores:
    """Return the scores that order candidates, from their BM25 scores and cosines.

    The lexical part is the share, 0 to 1, of what a passage with all the words would get. Where a
    cosine is NaN (no encoder, no vector yet), the lexical share stands alone.
    """
    reachable = _FULL_MATCH * sum(term.idf for term in terms)
    share = np.minimum(1.0, lexical / reachable) if reachable > 0 else np.zeros(len(lexical))
    both = DENSE_WEIGHT * dense + (1.0 - DENSE_WEIGHT) * share
    return np.where(np.isnan(dense), share, both)
