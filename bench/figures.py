"""Figures of merit: AUROC, calibration error, operating points. Pure functions of arrays.

Called by bench/retrieval_quality.py and training/fit_answerability.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def auroc(positive: Floats, negative: Floats) -> float:
    """Return the chance that a positive scores above a negative (ties half); NaN without either."""
    if not len(positive) or not len(negative):
        return float("nan")
    above = positive[:, None] > negative[None, :]
    equal = positive[:, None] == negative[None, :]
    return float(np.mean(above + 0.5 * equal))


def calibration_error(probabilities: Floats, truths: Flags, *, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width."""
    place = np.clip((probabilities * bins).astype(int), 0, bins - 1)
    error = 0.0
    for number in range(bins):
        inside = place == number
        if inside.any():
            gap = abs(float(probabilities[inside].mean()) - float(truths[inside].mean()))
            error += gap * float(inside.mean())
    return error


@dataclass(frozen=True)
class OperatingPoint:
    """What answering from `threshold` on gives: the precision, and the share of positives kept."""

    threshold: float
    precision: float
    answered: float


def operating_point(
    probabilities: Floats, truths: Flags, *, precision: float
) -> OperatingPoint | None:
    """Return the lowest threshold with at least this precision, or None where there is none."""
    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(truths[order])
    precisions = right / np.arange(1, len(order) + 1)
    good = np.flatnonzero(precisions >= precision)
    if not len(good):
        return None
    last = int(good[-1])
    return OperatingPoint(
        threshold=float(probabilities[order[last]]),
        precision=float(precisions[last]),
        answered=float(right[last] / max(1, truths.sum())),
    )


def point_at(probabilities: Floats, truths: Flags, *, threshold: float) -> OperatingPoint:
    """Return what answering from this threshold on gives."""
    answered = probabilities >= threshold
    right = int((answered & truths).sum())
    return OperatingPoint(
        threshold=threshold,
        precision=right / max(1, int(answered.sum())),
        answered=right / max(1, int(truths.sum())),
    )
