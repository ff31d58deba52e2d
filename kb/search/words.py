"""Words as search compares them: folded, lower-cased, stemmed; and which of them carry a question.

Decides what counts as the same word ("cancelling", "Cancellation") and which words of a question
say nothing about its subject ("how", "my", "please"). Never corrects a word: `kb.search.lexical`
does that against the words that are held. Called by everything in `kb.search`.
"""

from __future__ import annotations

from functools import lru_cache

import tantivy

LONGEST_WORD = 40
"""Longer runs of letters are dropped: they are noise, or an attempt to fill the index."""

# What people write around a question. Not only grammar: knowledge is written formally, so "hi" and
# "wanna" are rare in it and would look like telling words.
_FUNCTION_WORDS = frozenset(
    """
    a about actually after again all also am an and any anybody anyone anything are aren as at be
    because been before being both but by can cannot cant could couldn d did didn didnt do does
    doesn doesnt doing don done dont each either else ever every few for from further get gets
    getting go goes going gonna gonna got gotta had hadn has hasn have haven having he hello help
    her here hers hey hi him himself his how i if im in into is isn isnt it its itself ive just kind
    know let lets like ll look m make many may maybe me might mine more most much must my myself
    need no nor not now of off oh ok okay on once one only or other our ours ourselves out over own
    please possible pls quite re really said same say see she should shouldn since so some somebody
    someone something sorry still such sure t tell than thank thanks that thats the their theirs
    them then there these they thing things think this those though to too try trying u under until
    up upon ur us ve very wanna want wants was wasn wasnt way we well went were weren what whats
    when where whether which while who whom whose why will with without won wondering wont would
    wouldn yes yet you your yours yourself
    """.split()  # noqa: SIM905
)


def _analyzer(*, stemmed: bool) -> tantivy.TextAnalyzer:
    builder = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
    )
    if stemmed:
        builder = builder.filter(tantivy.Filter.stemmer("english"))
    return builder.build()


STEMMED = _analyzer(stemmed=True)
PLAIN = _analyzer(stemmed=False)


def stems(text: str) -> list[str]:
    """Return every word of a text in order: folded, lower-cased, stemmed."""
    return STEMMED.analyze(text)


def plain_words(text: str) -> list[str]:
    """Return every word of a text in order: folded and lower-cased, not stemmed."""
    return PLAIN.analyze(text)


@lru_cache(maxsize=1)
def _function_stems() -> frozenset[str]:
    return frozenset(stem for word in _FUNCTION_WORDS for stem in stems(word))


def telling_words(query: str) -> list[str]:
    """Return the words of a question that name its subject, once each, in order, not stemmed.

    A question of nothing but function words keeps them all, so that it is still searched for.
    """
    every = list(dict.fromkeys(plain_words(query)))
    telling = [word for word in every if word not in _FUNCTION_WORDS]
    return telling or every


def is_function_stem(stem: str) -> bool:
    """Say whether a stemmed word is one that says nothing about a subject."""
    return stem in _function_stems()
