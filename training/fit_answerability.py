"""Fits the calibrations of policies/answerability.py. Prints them; a person copies them there.

    python -m training.fit_answerability [--data FOLDER] [--home FOLDER]

Logistic regression (Newton's method, ridge 1) on the labelled questions of `../shared/data`: can
what was found answer this question (1) or not (0)? Questions to clarify are left out, and so is
`query_terms`: in these sets answerable questions are longer, which is a habit of their writers.
Every figure is from ten-fold cross-validation, and again with each corpus left out whole.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import figures
from bench.corpora import DATA, MIXED, Asked, Corpus, questions
from kb.inference import encoder

HOME = Path(__file__).resolve().parents[1] / "var"
BLENDED = ("top_dense", "top_lexical", "margin")
LEXICAL = ("top_lexical",)
PRECISION = 0.93
_FOLDS = 10
_RIDGE = 1.0
_SEED = 1
_POSITIVE = frozenset({"answerable", "sensitive"})
_NEGATIVE = frozenset({"unanswerable", "far", "internal_only"})


@dataclass(frozen=True)
class Sample:
    """One labelled question on one corpus."""

    corpus: str
    asked: Asked
    answerable: bool


@dataclass(frozen=True)
class Fit:
    """A weight per feature, and the intercept."""

    weights: figures.Floats
    intercept: float

    def probabilities(self, features: figures.Floats) -> figures.Floats:
        """Return the probability of each row of features."""
        scores: figures.Floats = features @ self.weights + self.intercept
        return 1.0 / (1.0 + np.exp(-scores))


def main() -> int:
    """Fit both calibrations and print them with their figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"{options.data} isn't there, so nothing is fitted.")
        return 0
    _report("LEXICAL", LEXICAL, _samples(options.data, None))
    _report("BLENDED", BLENDED, _samples(options.data, encoder.load(home=options.home)))
    return 0


def _samples(data: Path, using: encoder.Encoder | None) -> list[Sample]:
    found: list[Sample] = []
    for name in ("bank", *MIXED):
        corpus = Corpus(name, data=data, using=using)
        for question in questions(name, data=data):
            kind = question["kind"]
            if kind in _NEGATIVE or (kind in _POSITIVE and question["relevant"]):
                found.append(Sample(name, corpus.ask(question), kind in _POSITIVE))
    return found


def fit(features: figures.Floats, truths: figures.Flags) -> Fit:
    """Fit a logistic regression with a ridge on standardised features."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    design = np.c_[(features - mean) / spread, np.ones(len(features))]
    ridge = np.eye(design.shape[1]) * _RIDGE
    ridge[-1, -1] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        expected = 1.0 / (1.0 + np.exp(-design @ weights))
        gradient = design.T @ (truths - expected) - ridge @ weights
        curvature = (design.T * (expected * (1.0 - expected))) @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    scaled = weights[:-1] / spread
    return Fit(weights=scaled, intercept=float(weights[-1] - scaled @ mean))


def _report(name: str, columns: Sequence[str], samples: Sequence[Sample]) -> None:
    features = np.array(
        [[float(getattr(one.asked.features, column)) for column in columns] for one in samples]
    )
    truths = np.array([one.answerable for one in samples], dtype=np.bool_)
    folds = np.random.default_rng(_SEED).integers(0, _FOLDS, len(samples))
    corpora = np.array([_number_of(one.corpus) for one in samples])
    print(f"\n{name}: {len(samples)} questions, {int(truths.sum())} answerable")
    for how, groups in (("ten folds", folds), ("corpus left out", corpora)):
        held_out = np.zeros(len(samples))
        for group in np.unique(groups):
            inside = groups == group
            model = fit(features[~inside], truths[~inside])
            held_out[inside] = model.probabilities(features[inside])
        _print_figures(how, held_out, truths, samples)
    final = fit(features, truths)
    weights = ", ".join(
        f'"{column}": {weight:.3f}' for column, weight in zip(columns, final.weights, strict=True)
    )
    print(f"weights={{{weights}}}, intercept={final.intercept:.3f}")


def _number_of(corpus: str) -> int:
    """Return the number of a corpus, so that folds can be compared as numbers."""
    return ("bank", *MIXED).index(corpus)


def _print_figures(
    how: str, held_out: figures.Floats, truths: figures.Flags, samples: Sequence[Sample]
) -> None:
    kinds = np.array([one.asked.kind for one in samples])
    bank = np.array([one.corpus == "bank" for one in samples])
    answerable = kinds == "answerable"
    near = figures.auroc(held_out[answerable], held_out[kinds == "unanswerable"])
    near_bank = figures.auroc(
        held_out[answerable & bank], held_out[(kinds == "unanswerable") & bank]
    )
    far = figures.auroc(held_out[answerable & bank], held_out[kinds == "far"])
    agents = figures.auroc(held_out[answerable & bank], held_out[kinds == "internal_only"])
    error = figures.calibration_error(held_out, truths)
    point = figures.operating_point(held_out, truths, precision=PRECISION)
    where = f"from {point.threshold:.3f} on answering {point.answered:.2f}" if point else "never"
    print(
        f"{how:16} AUROC near {near:.3f} (bank {near_bank:.3f}), far {far:.3f}, "
        f"agents-only {agents:.3f}; ECE {error:.3f}; precision {PRECISION}: {where}"
    )


if __name__ == "__main__":
    sys.exit(main())
