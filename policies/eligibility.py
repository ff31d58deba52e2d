"""Why a passage may not be served, and which decision and reason an answer carries.

Decides: the order in which reasons are told when several apply, which kind of decision each reason
code belongs to, which reason an answer carries when the best candidates were refused, and what a
caller may learn of it. Never evaluates the conditions themselves: `kb.gate` does, in one SQL
definition. Called by `kb.gate` and `kb.actions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType


class Refusal(StrEnum):
    """Why a passage isn't servable to a caller at an instant, in order of precedence.

    What the caller may not know of comes first, then what never governed or governs no longer, then
    what stands in the way of a text that otherwise would.
    """

    out_of_audience = "out_of_audience"
    out_of_scope = "out_of_scope"
    not_approved = "not_approved"
    not_yet_in_effect = "not_yet_in_effect"
    superseded = "superseded"
    retired = "retired"
    expired = "expired"
    on_hold = "on_hold"
    review_overdue = "review_overdue"
    fact_superseded = "fact_superseded"
    placeholder = "placeholder"
    journey_not_ready = "journey_not_ready"


class DecisionKind(StrEnum):
    """What the service does with a question."""

    answer = "answer"
    clarify = "clarify"
    abstain = "abstain"
    escalate = "escalate"


class ReasonCode(StrEnum):
    """Why an answer is what it is; always given beside the decision."""

    grounded = "grounded"
    ambiguous = "ambiguous"
    no_governing_article = "no_governing_article"
    below_threshold = "below_threshold"
    expired_only = "expired_only"
    review_overdue = "review_overdue"
    fact_superseded = "fact_superseded"
    on_hold = "on_hold"
    conflict = "conflict"
    out_of_scope = "out_of_scope"
    out_of_audience = "out_of_audience"
    unsupported_language = "unsupported_language"
    sensitive_topic = "sensitive_topic"
    person_requested = "person_requested"
    anger = "anger"
    repeated_point = "repeated_point"
    repeat_contact = "repeat_contact"
    journey_not_ready = "journey_not_ready"


DECISION_OF: Mapping[ReasonCode, DecisionKind] = MappingProxyType(
    {
        ReasonCode.grounded: DecisionKind.answer,
        ReasonCode.ambiguous: DecisionKind.clarify,
        ReasonCode.no_governing_article: DecisionKind.abstain,
        ReasonCode.below_threshold: DecisionKind.abstain,
        ReasonCode.expired_only: DecisionKind.abstain,
        ReasonCode.review_overdue: DecisionKind.abstain,
        ReasonCode.fact_superseded: DecisionKind.abstain,
        ReasonCode.out_of_scope: DecisionKind.abstain,
        ReasonCode.out_of_audience: DecisionKind.abstain,
        ReasonCode.unsupported_language: DecisionKind.abstain,
        ReasonCode.on_hold: DecisionKind.escalate,
        ReasonCode.conflict: DecisionKind.escalate,
        ReasonCode.sensitive_topic: DecisionKind.escalate,
        ReasonCode.person_requested: DecisionKind.escalate,
        ReasonCode.anger: DecisionKind.escalate,
        ReasonCode.repeated_point: DecisionKind.escalate,
        ReasonCode.repeat_contact: DecisionKind.escalate,
        ReasonCode.journey_not_ready: DecisionKind.escalate,
    }
)

SENTENCE_OF: Mapping[ReasonCode, str] = MappingProxyType(
    {
        ReasonCode.grounded: "An approved text that is in effect answers this.",
        ReasonCode.ambiguous: "The answer depends on something that wasn't said.",
        ReasonCode.no_governing_article: "No approved text covers this.",
        ReasonCode.below_threshold: "What was found is too weak a match to answer from.",
        ReasonCode.expired_only: "What was found on this is no longer in effect.",
        ReasonCode.review_overdue: "The text on this is overdue for its review.",
        ReasonCode.fact_superseded: "The text on this states a value that has changed since.",
        ReasonCode.on_hold: "The text on this has been taken out of service for now.",
        ReasonCode.conflict: "What is held on this disagrees with itself.",
        ReasonCode.out_of_scope: "What was found on this holds elsewhere, not for this caller.",
        ReasonCode.out_of_audience: "What was found on this isn't for this caller to be told.",
        ReasonCode.unsupported_language: "Nothing is held in the language that was asked for.",
        ReasonCode.sensitive_topic: "This topic is for a person to handle.",
        ReasonCode.person_requested: "The customer asked for a person.",
        ReasonCode.anger: "The customer is angry; a person should take over.",
        ReasonCode.repeated_point: "The customer has made the same point three times.",
        ReasonCode.repeat_contact: "The customer has been in touch about this before.",
        ReasonCode.journey_not_ready: "Questions of this kind are still handled by people.",
    }
)

NEAR_ENOUGH_TO_MENTION = 0.4
"""Below this probability what was found isn't about the question, and nothing governs it."""

# Superseded is left out: such a text says nothing by itself, its successor was a candidate too.
_REASON_OF: Mapping[Refusal, ReasonCode] = MappingProxyType(
    {
        Refusal.out_of_audience: ReasonCode.out_of_audience,
        Refusal.out_of_scope: ReasonCode.out_of_scope,
        Refusal.not_approved: ReasonCode.no_governing_article,
        Refusal.not_yet_in_effect: ReasonCode.no_governing_article,
        Refusal.retired: ReasonCode.expired_only,
        Refusal.expired: ReasonCode.expired_only,
        Refusal.on_hold: ReasonCode.on_hold,
        Refusal.review_overdue: ReasonCode.review_overdue,
        Refusal.fact_superseded: ReasonCode.fact_superseded,
        Refusal.placeholder: ReasonCode.no_governing_article,
        Refusal.journey_not_ready: ReasonCode.journey_not_ready,
    }
)

_PRECEDENCE: Mapping[Refusal, int] = MappingProxyType(
    {refusal: place for place, refusal in enumerate(Refusal)}
)


def foremost(refusals: Iterable[Refusal]) -> Refusal | None:
    """Return the one reason that is told when several stand against a passage; None for none."""
    return min(refusals, key=_PRECEDENCE.__getitem__, default=None)


def answer_reason_for_refusals(refusals: Sequence[Refusal]) -> ReasonCode:
    """Return the reason for an answer whose candidates were all refused, best candidate first.

    The best-ranked one decides. Superseded texts are passed over, for their successors were
    candidates as well; where nothing but superseded text was found, no successor governs either.
    """
    for refusal in refusals:
        if refusal in _REASON_OF:
            return _REASON_OF[refusal]
    return ReasonCode.expired_only if refusals else ReasonCode.no_governing_article


def unanswered(probability: float) -> ReasonCode:
    """Return why nothing was answered where texts were found: too weak a match, or none at all."""
    return (
        ReasonCode.below_threshold
        if probability >= NEAR_ENOUGH_TO_MENTION
        else ReasonCode.no_governing_article
    )


def reveal(reason: ReasonCode, *, probability: float, may_know: bool) -> ReasonCode:
    """Return the reason as the caller is told it.

    That something exists for another audience is itself not for everybody: unless the client may
    know better, `out_of_audience` looks exactly as if that text weren't held. `probability` is that
    of the best text that the caller may be served.
    """
    if reason == ReasonCode.out_of_audience and not may_know:
        return unanswered(probability)
    return reason
