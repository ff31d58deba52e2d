"""The picture in the docs is the table in the code."""

import re
from pathlib import Path

from policies.lifecycle import Move, Reading, mermaid

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def test_the_lifecycle_picture_in_the_docs_is_the_one_the_rules_print():
    pictures = re.findall(r"```mermaid\n(.*?)\n```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    assert pictures == [mermaid()], (
        "docs/lifecycle.md shows another lifecycle than policies/lifecycle.py: paste what "
        "`python -c 'from policies.lifecycle import mermaid; print(mermaid())'` prints"
    )


def test_the_lifecycle_page_explains_every_move_and_every_reading_that_time_brings():
    text = PAGE.read_text("utf-8")
    for move in Move:
        assert f"| `{move}` |" in text
    for reading in (Reading.scheduled, Reading.in_effect, Reading.superseded, Reading.expired):
        assert f"| *{reading.replace('_', ' ')}* |" in text
