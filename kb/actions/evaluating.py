"""How well questions are answered: the same retrieval, gate and rules as /answers, no ledger row.

It measures a set of labelled questions against what is held; it never tunes anything. Figures: nDCG
after Järvelin and Kekäläinen (2002) with binary relevance; AUROC as the chance that an answerable
question's probability lies above an unanswerable one's, ties counted half; expected calibration
error over ten equal bins (Guo et al., 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kb import gate
from kb.actions.answering import propose
from kb.actions.deliberating import deliberate, ranked
from kb.conf import settings
from kb.gate import Caller
from policies.eligibility import DecisionKind

RANKED = 20
_ANSWERABLE = ("answerable",)


@dataclass(frozen=True)
class Labelled:
    """A question with the external ids of the articles that answer it (none: unanswerable)."""

    id: str
    query: str
    relevant: tuple[str, ...]
    kind: str
    scope: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What the service would have said; `ranked` holds articles after the gate, best first."""

    question: Labelled
    decision: str
    reason: str
    probability: float
    ranked: tuple[str, ...]

    def line(self) -> dict[str, Any]:
        """Return the machine-readable line of the contract."""
        return {
            "id": self.question.id,
            "decision": self.decision,
            "reason": self.reason,
            "probability": round(self.probability, 4),
            "ranked": list(self.ranked),
        }


def evaluate(question: Labelled, *, caller: Caller) -> Outcome:
    """Ask one labelled question as `caller`. Raises Unavailable if the gate can't be asked."""
    proposal = propose(question.query, language=settings().default_language)
    _at, judged = gate.judge([one.passage_id for one in proposal.candidates], caller=caller)
    order, _scores, _names = ranked(proposal, judged, caller=caller, query=question.query)
    servable = [one.external_id for one in order if one.refusal is None]
    verdict = deliberate(proposal, judged, caller=caller, query=question.query, max_results=5)
    return Outcome(
        question=question,
        decision=verdict.decision.value,
        reason=verdict.reason.value,
        probability=verdict.probability,
        ranked=tuple(dict.fromkeys(servable))[:RANKED],
    )


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of a set; a figure that the set can't give is None."""
    answerable = [one for one in outcomes if _is_answerable(one)]
    figures: dict[str, Any] = {
        "questions": len(outcomes),
        "answerable": len(answerable),
        "hit_at_1": _mean(_hits(one, 1) for one in answerable),
        "recall_at_5": _mean(_hits(one, 5) for one in answerable),
        "ndcg_at_10": _mean(_ndcg(one, 10) for one in answerable),
    }
    positive = [one.probability for one in answerable]
    for kind in sorted({one.question.kind for one in outcomes if not _is_answerable(one)}):
        negative = [one.probability for one in outcomes if one.question.kind == kind]
        figures[f"auroc_{kind}"] = auroc(positive, negative)
    answered = [one for one in outcomes if one.decision == DecisionKind.answer]
    figures["answered_share_of_answerable"] = _mean(
        one.decision == DecisionKind.answer for one in answerable
    )
    figures["precision_of_answer"] = _mean(bool(_hits(one, 1)) for one in answered)
    labelled = [
        one for one in outcomes if one.question.kind in (*_ANSWERABLE, "unanswerable", "far")
    ]
    figures["ece"] = calibration_error([(one.probability, bool(_hits(one, 5))) for one in labelled])
    return figures


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return the chance that a positive's score lies above a negative's, or None without both."""
    if not positive or not negative:
        return None
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """Return the expected calibration error: mean distance of confidence and truth per bin."""
    if not judged:
        return None
    total = 0.0
    for at in range(bins):
        low, high = at / bins, (at + 1) / bins
        inside = [
            (p, right) for p, right in judged if low <= p < high or (at == bins - 1 and p == 1)
        ]
        if inside:
            confidence = sum(p for p, _ in inside) / len(inside)
            truth = sum(right for _, right in inside) / len(inside)
            total += len(inside) / len(judged) * abs(confidence - truth)
    return total


def _is_answerable(outcome: Outcome) -> bool:
    return outcome.question.kind in _ANSWERABLE and bool(outcome.question.relevant)


def _hits(outcome: Outcome, depth: int) -> bool:
    return bool(set(outcome.ranked[:depth]) & set(outcome.question.relevant))


def _ndcg(outcome: Outcome, depth: int) -> float:
    relevant = set(outcome.question.relevant)
    gain = sum(
        1 / math.log2(place + 2)
        for place, one in enumerate(outcome.ranked[:depth])
        if one in relevant
    )
    ideal = sum(1 / math.log2(place + 2) for place in range(min(depth, len(relevant))))
    return gain / ideal if ideal else 0.0


def _mean(values: Iterable[Any]) -> float | None:
    numbers = [float(bool(value)) if not isinstance(value, float) else value for value in values]
    return sum(numbers) / len(numbers) if numbers else None
