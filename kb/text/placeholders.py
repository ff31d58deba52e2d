"""Holes in a text: "[value not available]", "[TBD]", an unresolved "{{ ... }}".

Decides what is a hole and never an answer. Called by `kb.text.passages`, and by whoever quotes.
"""

from __future__ import annotations

import re

from kb.text.sentences import Span, sentences

_HOLE = re.compile(
    r"\[\s*(?:[\w -]{0,40}\b(?:not (?:yet )?(?:available|known|set|defined|specified|provided)|"
    r"unavailable|unknown|missing|placeholder|to be (?:confirmed|determined|defined|decided|added|"
    r"announced|provided))|(?:insert|enter|add|fill in|your)\b[^\[\]\n]{0,60}\bhere|"
    r"insert\b[^\[\]\n]{0,60}|tb[acd]|todo|xx+|\?+|\.{3,}|…|_+)\s*\]"
    r"|\{\{[^{}\n]{0,200}\}\}"
    r"|\b(?:TBD|TBC)\b"
    r"|\blorem ipsum\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_ITEM_NUMBER = re.compile(r"\s*\d{1,9}[.)]\s+")
_LABEL_WORDS = 6


def placeholder_spans(text: str) -> list[Span]:
    """Return where holes stand in a text, in code points."""
    return [Span(match.start(), match.end()) for match in _HOLE.finditer(text)]


def has_placeholder(sentence: str) -> bool:
    """Say whether a sentence has a hole, so that it may not be quoted."""
    return _HOLE.search(sentence) is not None


def is_only_placeholder(text: str) -> bool:
    """Say whether nothing in a text would be left to say without the sentences that have holes.

    A lead-in ("The fees are:") and a bare label of a few words say nothing by themselves.
    """
    if not has_placeholder(text):
        return False
    for span in sentences(text):
        sentence = text[span.start : span.end]
        if has_placeholder(sentence) or sentence.endswith(":"):
            continue
        sentence = _ITEM_NUMBER.sub("", sentence, count=1)
        if len(_WORD.findall(sentence)) >= _LABEL_WORDS or any(c.isdigit() for c in sentence):
            return False
    return True
