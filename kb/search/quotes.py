"""The sentences that answer, verbatim.

Decides which sentences of the served passages are shown as the answer: those that share the most
telling words with the question. Never writes a sentence, never shortens one, and never picks one
with a hole in it. Called by the answering action.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.search import words
from kb.search.features import PassageText
from kb.search.lexical import Term
from kb.text.placeholders import has_placeholder
from kb.text.sentences import sentences

_PASSAGES_READ = 5
_LATER_PASSAGE = 0.7
"""What a sentence of the second passage counts beside one of the first; and so on."""
_WORTH_SHOWING = 0.3
"""A further quote is shown if it scores at least this share of the best one."""
_LEAD_IN = 0.5
"""A sentence that ends in a colon announces the answer; it isn't it."""
_KNOWN_FROM_TITLE = 0.5
"""A word of the title tells sentences of a passage less apart than one of their own."""
_AMOUNT = 0.15
"""What a number adds, as a share of all the question's words, where the question asks for one."""

# Words (stemmed) of questions that are answered by a number, a date or a price.
_ASKS_FOR_AMOUNT = frozenset(
    words.stems("much many long often far soon when fee cost charge price pay limit day rate age")
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a passage: `text` is `passage.text[start:end]`, in code points."""

    passage_index: int
    start: int
    end: int
    text: str


def quotes(
    *,
    terms: Sequence[Term],
    passages: Sequence[PassageText],
    query: str = "",
    limit: int = 3,
) -> list[Quote]:
    """Return up to `limit` sentences that answer, the most telling first.

    `terms` are the proposal's; `passages` those served, best first. The first passage gives a quote
    even where it shares no word with the question, for then it was found by its meaning.
    """
    asked = frozenset(words.stems(query)) | {term.stem for term in terms}
    amount = _AMOUNT * sum(term.idf for term in terms) if asked & _ASKS_FOR_AMOUNT else 0.0
    scored: list[tuple[float, Quote]] = []
    for index, passage in enumerate(passages[:_PASSAGES_READ]):
        trust = _LATER_PASSAGE**index
        for score, quote in _scored(index, passage, terms, amount):
            scored.append((score * trust, quote))
    if not scored:
        return []
    scored.sort(key=lambda one: -one[0])
    best = scored[0][0]
    if best <= 0.0:
        return [scored[0][1]]
    telling: dict[str, Quote] = {}
    for score, quote in scored:
        if score >= best * _WORTH_SHOWING:
            telling.setdefault(quote.text, quote)  # the same sentence may stand in two passages
    return list(telling.values())[:limit]


def _scored(
    index: int, passage: PassageText, terms: Sequence[Term], amount: float
) -> Iterator[tuple[float, Quote]]:
    """Every sentence of a passage that may be quoted, with its score, in order."""
    context = frozenset(words.stems(" ".join([passage.title, *passage.headings])))
    for start, end in sentences(passage.text):
        text = passage.text[start:end]
        if has_placeholder(text):
            continue
        held = frozenset(words.stems(text))
        score = sum(
            term.idf * (_KNOWN_FROM_TITLE if term.stem in context else 1.0)
            for term in terms
            if term.stem in held
        )
        if amount and any(character.isdigit() for character in text):
            score += amount
        if text.endswith(":"):
            score *= _LEAD_IN
        yield score, Quote(passage_index=index, start=start, end=end, text=text)
