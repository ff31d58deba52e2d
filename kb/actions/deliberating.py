"""From candidates that the gate has judged to a decision with its reason.

It reads and writes nothing. It decides whether to answer, ask back, abstain or hand over, from the
order of the candidates, what the gate said of each, and the calibrated probability. Called by
answering (which records it) and by evaluation (which doesn't).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kb.gate import Caller, Judged
from kb.search.features import features
from kb.search.proposals import Proposal
from kb.search.quotes import Quote, quotes
from policies import answerability, eligibility, scoping
from policies.eligibility import DECISION_OF, DecisionKind, ReasonCode, Refusal

# Where the best candidate is out of service for one of these, a lesser one doesn't stand in for it.
_PREEMPTS = frozenset(
    {
        Refusal.on_hold,
        Refusal.review_overdue,
        Refusal.fact_superseded,
        Refusal.journey_not_ready,
    }
)
_CLEARLY_BETTER = 0.02


@dataclass(frozen=True)
class Verdict:
    """A decision before it is recorded. `passages` are in the order they are shown."""

    reason: ReasonCode
    probability: float
    threshold: float
    passages: list[Judged] = field(default_factory=list)
    scores: dict[int, float] = field(default_factory=dict)
    quotes: list[Quote] = field(default_factory=list)
    ask_back: scoping.AskBack | None = None

    @property
    def decision(self) -> DecisionKind:
        """The kind of decision that the reason belongs to."""
        return DECISION_OF[self.reason]


def ranked(
    proposal: Proposal, judged: Sequence[Judged], *, caller: Caller, query: str
) -> tuple[list[Judged], dict[int, float], Mapping[str, frozenset[str]]]:
    """Order what the gate judged by score and by the scope that the question names.

    Returns the order, each passage's score, and the named values by key. At equal scores the more
    specific scope goes first. What the caller may not know of says nothing of the others.
    """
    values: dict[str, set[str]] = {}
    for one in judged:
        if one.refusal == Refusal.out_of_audience:
            continue
        for key, value in one.scope.items():
            values.setdefault(key, set()).add(value)
    names = {key: scoping.named(query, found) for key, found in values.items()}
    scores: dict[int, float] = {}
    for one in judged:
        candidate = proposal.candidate(one.passage_id)
        base = candidate.blend if candidate else 0.0
        extra = scoping.evidence(one.scope, caller=caller.scope, names=names)
        scores[one.passage_id] = base + extra
    order = sorted(judged, key=lambda one: (-scores[one.passage_id], -len(one.scope)))
    return order, scores, names


def deliberate(
    proposal: Proposal,
    judged: Sequence[Judged],
    *,
    caller: Caller,
    query: str,
    max_results: int,
) -> Verdict:
    """Decide what to do with a question whose candidates the gate has judged."""
    order, scores, names = ranked(proposal, judged, caller=caller, query=query)
    served = [one for one in order if one.refusal is None]
    measured = features(proposal=proposal, served=served)
    calibration = answerability.calibration_for(measured)
    probability = answerability.probability(measured, calibration) if served else 0.0
    found = _Found(order=order, served=served, scores=scores, proposal=proposal, query=query)
    preempting = _preempted(found)
    if preempting is None and served and probability >= calibration.threshold:
        return _answered(found, probability, calibration.threshold, caller, names, max_results)
    return Verdict(
        reason=preempting or _why_not(found, probability),
        probability=0.0 if preempting else probability,
        threshold=calibration.threshold,
    )


@dataclass(frozen=True)
class _Found:
    order: list[Judged]
    served: list[Judged]
    scores: dict[int, float]
    proposal: Proposal
    query: str

    def would_answer(self, one: Judged) -> bool:
        """Say whether a refused passage would have been answered from."""
        measured = features(proposal=self.proposal, served=[one, *self.served])
        calibration = answerability.calibration_for(measured)
        return answerability.probability(measured, calibration) >= calibration.threshold


def _answered(
    found: _Found,
    probability: float,
    threshold: float,
    caller: Caller,
    names: Mapping[str, frozenset[str]],
    max_results: int,
) -> Verdict:
    contenders = [
        scoping.Contender(one.article_id, one.scope, found.scores[one.passage_id])
        for one in found.served
    ]
    back = scoping.ask_back(contenders, caller=caller.scope, names=names)
    if back is not None:
        return Verdict(
            reason=ReasonCode.ambiguous,
            probability=probability,
            threshold=threshold,
            ask_back=back,
        )
    shown = found.served[:max_results]
    chosen = quotes(terms=found.proposal.terms, passages=shown, query=found.query)
    return Verdict(
        reason=ReasonCode.grounded,
        probability=probability,
        threshold=threshold,
        passages=shown,
        scores=found.scores,
        quotes=chosen,
    )


def _preempted(found: _Found) -> ReasonCode | None:
    """Return the reason where the best candidate is out of service and clearly the best."""
    best_served = found.scores[found.served[0].passage_id] if found.served else 0.0
    for one in found.order:
        if one.refusal is None:
            return None
        if (
            one.refusal in _PREEMPTS
            and found.scores[one.passage_id] > best_served + _CLEARLY_BETTER
            and found.would_answer(one)
        ):
            return eligibility.answer_reason_for_refusals([one.refusal])
    return None


def _why_not(found: _Found, probability: float) -> ReasonCode:
    telling = [
        one.refusal for one in found.order if one.refusal is not None and found.would_answer(one)
    ]
    if telling:
        return eligibility.answer_reason_for_refusals(telling)
    return eligibility.unanswered(probability)
