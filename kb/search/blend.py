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

# What BM25 gives a word that stands nowhere else, at most, in its own units: so often does it stand
# in the passage. Words that stand elsewhere too are worth less.
_MOST_PER_WORD = 2.2


def blend(*, lexical: Scores, coverage: Scores, dense: Scores, terms: Sequence[Term]) -> Scores:
    """Return the scores that order candidates, 0 to about 1.

    Of the cosine (`dense`) and the share of the words (`coverage`). Where a cosine is NaN (no
    encoder, no vector yet) it is the BM25 score (`lexical`) as a share of what is reachable.
    """
    share = np.minimum(1.0, lexical / (_MOST_PER_WORD * max(1, len(terms))))
    both = DENSE_WEIGHT * dense + (1.0 - DENSE_WEIGHT) * coverage
    return np.where(np.isnan(dense), share, both)
