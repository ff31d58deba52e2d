"""How well retrieval finds, and how well it knows that it hasn't. Prints a table.

    python -m bench.retrieval_quality [--data FOLDER] [--home FOLDER] [--speed]

Measures what the service runs: its passages, indexes, blend, features and calibration, without a
database. The first run embeds every passage (about a minute) and keeps the vectors in var/bench.
`--speed` adds the large help centre, for time alone. Weights of the blend can be tried with
`--weights`. Nothing is fitted here: training/fit_answerability.py does that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from bench import figures
from bench.corpora import DATA, MIXED, WITH_QUESTIONS, Asked, Corpus, questions
from kb.inference import encoder
from kb.inference.errors import EncoderUnavailable
from kb.search import blend
from policies import answerability

HOME = Path(__file__).resolve().parents[1] / "var"
_POSITIVE = ("answerable", "sensitive")
_NEGATIVE = ("unanswerable", "far", "internal_only")


def main() -> int:
    """Measure, and print what was measured; 0 also where the data isn't there."""
    options = _options()
    if not options.data.is_dir():
        print(f"{options.data} isn't there, so nothing is measured.")
        return 0
    using = _encoder(options.home)
    modes: list[tuple[str, encoder.Encoder | None]] = [("words alone", None)]
    if using is not None:
        modes.append(("blended", using))
    for name, present in modes:
        print(f"\n{name}")
        every = {corpus: _asked(corpus, options.data, present) for corpus in WITH_QUESTIONS}
        _print_ranking(every)
        _print_silence([one for corpus in ("bank", *MIXED) for one in every[corpus]], "all")
        _print_silence(every["bank"], "bank")
    if options.weights and using is not None:
        _print_weights(options.data, using)
    if options.speed:
        for name, present in modes:
            _print_speed(name, Corpus("scale", data=options.data, using=present), options.data)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of labelled data")
    parser.add_argument("--home", type=Path, default=HOME, help="where the encoder is kept")
    parser.add_argument("--speed", action="store_true", help="time the large help centre too")
    parser.add_argument("--weights", action="store_true", help="try other weights of the blend")
    return parser.parse_args()


def _encoder(home: Path) -> encoder.Encoder | None:
    try:
        return encoder.load(home=home)
    except EncoderUnavailable as error:
        print(f"No encoder, so only words are measured: {error.reason}", file=sys.stderr)
        return None


def _asked(name: str, data: Path, using: encoder.Encoder | None) -> list[Asked]:
    corpus = Corpus(name, data=data, using=using)
    return [corpus.ask(question) for question in questions(name, data=data)]


def _print_ranking(every: dict[str, list[Asked]]) -> None:
    print(f"{'':20}{'questions':>10}{'Hit@1':>8}{'Recall@5':>10}{'p50 ms':>8}{'p99 ms':>8}")
    for name, asked in every.items():
        _print_row(name, asked)
    _print_row("pooled (no faq)", [one for name in ("bank", *MIXED) for one in every[name]])


def _print_row(name: str, asked: Sequence[Asked]) -> None:
    kept = [one for one in asked if one.kind == "answerable"]
    hit, recall = hits(kept)
    p50, p99 = np.percentile([one.seconds * 1000 for one in asked], [50, 99])
    print(f"{name:20}{len(kept):10}{hit:8.3f}{recall:10.3f}{p50:8.1f}{p99:8.1f}")


def hits(asked: Iterable[Asked]) -> tuple[float, float]:
    """Return Hit@1 and Recall@5 (a right article among the first five)."""
    first = [one.hit for one in asked]
    five = [any(name in one.question["relevant"] for name in one.ranked[:5]) for one in asked]
    return float(np.mean(first)), float(np.mean(five))


def _print_silence(asked: Sequence[Asked], name: str) -> None:
    """How far the service's own probability tells what it can answer from what it can't."""
    judged = [(one, _probability(one)) for one in asked]
    scores = {
        kind: np.array([score for one, score in judged if one.kind == kind])
        for kind in (*_POSITIVE, *_NEGATIVE)
    }
    parts = [
        f"{kind} {figures.auroc(scores['answerable'], scores[kind]):.3f}"
        for kind in _NEGATIVE
        if len(scores[kind])
    ]
    labelled = [(score, _label(one)) for one, score in judged if _label(one) is not None]
    values = np.array([score for score, _ in labelled])
    truths = np.array([label for _, label in labelled], dtype=np.bool_)
    threshold = answerability.calibration_for(asked[0].features).threshold
    point = figures.point_at(values, truths, threshold=threshold)
    print(
        f"{name}: AUROC against {', '.join(parts)}; "
        f"ECE {figures.calibration_error(values, truths):.3f}; at {threshold:.2f}: "
        f"precision {point.precision:.3f}, answering {point.answered:.2f} of the answerable"
    )


def _label(one: Asked) -> bool | None:
    if one.kind in _POSITIVE and one.question["relevant"]:
        return True
    return False if one.kind in _NEGATIVE else None


def _probability(one: Asked) -> float:
    calibration = answerability.calibration_for(one.features)
    return answerability.probability(one.features, calibration)


def _print_weights(data: Path, using: encoder.Encoder) -> None:
    print("\nweight of meaning: Hit@1 of each corpus")
    corpora = [Corpus(name, data=data, using=using) for name in WITH_QUESTIONS]
    before = blend.DENSE_WEIGHT
    for weight in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0):
        blend.DENSE_WEIGHT = weight
        row = []
        for corpus in corpora:
            asked = [corpus.ask(one) for one in questions(corpus.name, data=data)]
            row.append(hits([one for one in asked if one.kind == "answerable"])[0])
        print(f"{weight:5.2f} " + " ".join(f"{value:.3f}" for value in row))
    blend.DENSE_WEIGHT = before


def _print_speed(mode: str, corpus: Corpus, data: Path) -> None:
    asked = [corpus.ask(one) for one in questions("bank", data=data)]
    p50, p99 = np.percentile([one.seconds * 1000 for one in asked], [50, 99])
    print(
        f"scale, {mode}: {len(corpus.articles)} articles, {len(corpus.entries)} passages, split "
        f"in {corpus.split_s:.1f} s, indexed in {corpus.build_s:.2f} s; "
        f"a question p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
