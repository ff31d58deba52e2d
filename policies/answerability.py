"""How likely it is that what was retrieved answers the question, and whether that is enough.

Decides: features of one retrieval -> a calibrated probability -> answer or abstain. Never
retrieves, never sees text, and never fits: weights are fitted on labelled questions elsewhere and
stand here as named calibrations, so that every ledger row can say which one judged it. Logistic
calibration of scores after Platt (1999), with more than one score. Called by `kb.search` and
`kb.actions`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from policies.decisions import Decision, allow, refuse


@dataclass(frozen=True, slots=True)
class Features:
    """What one retrieval looked like.

    `top_blend`, `top_dense` and `top_lexical` are the leading passage's scores, `top_dense` a
    cosine or None where no encoder ran; `margin` is its lead over the best passage of another
    article; `coverage` is the share, weighted by inverse document frequency, of the question's
    words that the leading passage contains (0 to 1); `query_terms` counts those words.
    """

    top_blend: float
    top_dense: float | None
    top_lexical: float
    margin: float
    coverage: float
    query_terms: int
    dense_available: bool


_FEATURE_NAMES = frozenset(field.name for field in fields(Features))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights per feature, an intercept and the threshold at which the service answers.

    `version` names the fit and is kept with every answer. Raises ValueError for a weight of
    something that isn't a feature, or a threshold outside 0 to 1.
    """

    version: str
    weights: Mapping[str, float]
    intercept: float
    threshold: float

    def __post_init__(self) -> None:
        unknown = sorted(self.weights.keys() - _FEATURE_NAMES)
        if unknown:
            raise ValueError(f"weights: {', '.join(unknown)} isn't a feature; remove it")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: is {self.threshold}; write a number from 0 to 1")


# Fitted by training/fit_answerability.py on 564 labelled questions over five knowledge bases; its
# cross-validated figures are in docs/retrieval.md. A threshold is where 93 of 100 answered
# questions were answerable: with the encoder 71 % of the answerable are answered there, without
# it 52 %.
LEXICAL = Calibration(
    version="lexical-1",
    weights=MappingProxyType({"top_lexical": 2.075}),
    intercept=-2.526,
    threshold=0.86,
)
BLENDED = Calibration(
    version="blended-1",
    weights=MappingProxyType({"top_dense": 4.661, "top_lexical": 0.799, "margin": 21.584}),
    intercept=-2.647,
    threshold=0.80,
)


def calibration_for(features: Features) -> Calibration:
    """Return the calibration that fits what was measured: without an encoder, the lexical one."""
    return BLENDED if features.dense_available else LEXICAL


def probability(features: Features, calibration: Calibration) -> float:
    """Return the probability, 0 to 1, that the leading passages answer the question.

    Raises ValueError if the calibration weighs a feature that wasn't measured, for a silent zero
    would make the probability mean something else.
    """
    score = calibration.intercept
    for name, weight in calibration.weights.items():
        value = getattr(features, name)
        if value is None:
            raise ValueError(
                f"{name}: wasn't measured, but calibration {calibration.version} weighs it; "
                "use the lexical calibration"
            )
        score += weight * float(value)
    return _logistic(score)


def decide(probability: float, threshold: float) -> Decision:
    """Decide whether to answer. Codes, reason codes at once: `grounded`, `below_threshold`."""
    if probability >= threshold:
        return allow("grounded", "What was found is a strong enough match to answer from.")
    return refuse("below_threshold", "What was found is too weak a match to answer from.")


def _logistic(score: float) -> float:
    # Two branches, so that a large score of either sign can't overflow.
    if score >= 0:
        return 1.0 / (1.0 + math.exp(-score))
    odds = math.exp(score)
    return odds / (1.0 + odds)
