"""One score out of two: closeness of meaning, and the share of the question's words that are there.

Decides the order of candidates. Scores are absolute, not relative to the other candidates, so that
they mean the same for every question and don't drift as passages come and go. Pure. Called by
`kb.search.snapshot` and `kb.search.past`; measured by bench/retrieval_quality.py, where rank fusion
and a blend with BM25 scores were both worse than this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kb.search.lexical import Term

Scores = npt.NDArray[np.float64]

DENSE_WEIGHT = 0.8

# BM25's gain for a word that stands in a passage more and more often approaches this times its idf.
_MOST_PER_IDF = 2.2


def blend(*, lexical: Scores, coverage: Scores, dense: Scores, terms: Sequence[Term]) -> Scores:
    """Return the scores that order candidates, 0 to about 1.

    Of the cosine (`dense`) and the share of the words (`coverage`). Where a cosine is NaN (no
    encoder, no vector yet) it is the BM25 score (`lexical`) as a share of what is reachable.
    """
    reachable = _MOST_PER_IDF * sum(term.idf for term in terms)
    share = np.minimum(1.0, lexical / reachable) if reachable > 0 else np.zeros(len(lexical))
    both = DENSE_WEIGHT * dense + (1.0 - DENSE_WEIGHT) * coverage
    return np.where(np.isnan(dense), share, both)
