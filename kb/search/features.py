"""What one retrieval looked like, for the rule that judges whether it answers.

Decides nothing: `policies.answerability` turns these numbers into a probability. Called by the
actions that answer and evaluate, after the gate has read the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kb.search import words
from kb.search.lexical import Term
from kb.search.proposals import Proposal
from policies.answerability import Features

MOST_MARGIN = 0.1
"""A larger lead says nothing more; in a knowledge base of one article it would say anything."""


class PassageText(Protocol):
    """A passage as the gate gives it."""

    @property
    def passage_id(self) -> int:
        """The passage."""

    @property
    def article_id(self) -> int:
        """Its article."""

    @property
    def title(self) -> str:
        """Its version's title."""

    @property
    def headings(self) -> Sequence[str]:
        """The path to it, without the title."""

    @property
    def text(self) -> str:
        """Its plain text."""


def features(*, proposal: Proposal, served: Sequence[PassageText]) -> Features:
    """Return the features of the passages that may be served, in the order of the proposal.

    `served` holds those candidates that the gate let through, best first; with none of them every
    feature is 0.
    """
    leading = served[0] if served else None
    first = proposal.candidate(leading.passage_id) if leading else None
    if leading is None or first is None:
        return Features(
            top_blend=0.0,
            top_dense=0.0 if proposal.dense_available else None,
            top_lexical=0.0,
            margin=0.0,
            coverage=0.0,
            query_terms=len(proposal.terms),
            dense_available=proposal.dense_available,
        )
    return Features(
        top_blend=first.blend,
        top_dense=first.dense,
        top_lexical=first.lexical,
        margin=min(MOST_MARGIN, first.blend - _best_of_others(proposal, leading.article_id)),
        coverage=coverage(terms=proposal.terms, passage=leading),
        query_terms=len(proposal.terms),
        dense_available=proposal.dense_available and first.dense is not None,
    )


def coverage(*, terms: Sequence[Term], passage: PassageText) -> float:
    """Return the share of the question's words, weighted by idf, that a passage has; 0 to 1.

    Words of the title and the headings count: they say what the text is about.
    """
    total = sum(term.idf for term in terms)
    if total <= 0:
        return 0.0
    held = frozenset(words.stems(" ".join([passage.title, *passage.headings, passage.text])))
    return sum(term.idf for term in terms if term.stem in held) / total


def _best_of_others(proposal: Proposal, article_id: int) -> float:
    """The best score of another article, whether or not it may be served.

    If what only agents may be told, or what is on hold, fits a question better, then a lesser
    passage is less likely to be its answer.
    """
    others = (one.blend for one in proposal.candidates if one.article_id != article_id)
    return max(others, default=0.0)
