"""Every word that the rules use for a state, a reason or a choice stands in the glossary."""

from pathlib import Path

import pytest

from policies.approval import Kind, Meaning, Risk
from policies.audience import Audience
from policies.eligibility import DECISION_OF, DecisionKind
from policies.facts import Comparator, FactType
from policies.lifecycle import Reading, State

GLOSSARY = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
WORDS = [
    str(member)
    for words in (Audience, Comparator, DecisionKind, FactType, Kind, Meaning, Reading, Risk, State)
    for member in words
]


@pytest.mark.parametrize("word", sorted(set(WORDS)))
def test_every_word_of_the_rules_stands_in_the_glossary(word):
    assert f"*{word}*" in GLOSSARY or f"`{word}`" in GLOSSARY


@pytest.mark.parametrize(("reason", "decision"), DECISION_OF.items())
def test_every_reason_stands_in_the_glossary_beside_its_decision(reason, decision):
    assert f"| `{reason}` | {decision} |" in GLOSSARY
