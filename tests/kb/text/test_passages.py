"""How articles are divided, and whom each part is for."""

from __future__ import annotations

import pytest

from kb.text.passages import Passage, page, split
from policies.audience import Audience


def passages_of(body: str, *, audience: str = "public", words: int = 200) -> list[Passage]:
    """Split a body under a title that no test heading repeats."""
    return split(title="An article", body=body, audience=audience, target_words=words)


def texts(body: str, *, words: int = 200) -> list[str]:
    """Return the plain texts of the passages."""
    return [passage.text for passage in passages_of(body, words=words)]


def audiences(body: str, *, audience: str = "public") -> list[tuple[str, str]]:
    """Return the first line of each passage with its audience."""
    found = passages_of(body, audience=audience)
    return [(passage.text.split("\n")[0], passage.audience) for passage in found]


def test_each_section_is_a_passage_with_the_path_to_it() -> None:
    body = (
        "Intro.\n\n# A\n\nOne.\n\n## B\n\nTwo.\n\n### C\n\nThree.\n\n## D\n\nFour.\n\n# E\n\nFive."
    )
    assert [(p.ordinal, p.headings, p.text) for p in passages_of(body)] == [
        (0, (), "Intro."),
        (1, ("A",), "One."),
        (2, ("A", "B"), "Two."),
        (3, ("A", "B", "C"), "Three."),
        (4, ("A", "D"), "Four."),
        (5, ("E",), "Five."),
    ]


def test_a_heading_that_repeats_the_title_is_left_out_of_the_path() -> None:
    found = split(
        title="Refund policy", body="# Refund Policy:\n\nA.\n\n## When\n\nB.", audience="public"
    )
    assert [p.headings for p in found] == [(), ("When",)]


def test_a_heading_with_nothing_under_it_makes_no_passage() -> None:
    assert texts("# A\n\n## B\n\nText.\n\n## C") == ["Text."]
    assert texts("# Only a heading") == []
    assert texts("") == []


def test_a_passage_has_its_text_and_the_html_of_the_same_blocks() -> None:
    (passage,) = passages_of("Take **this**:\n\n1. one `x`\n2. two\n   - three")
    assert passage.text == "Take this:\n1. one x\n2. two\n   - three"
    assert passage.html == (
        "<p>Take <strong>this</strong>:</p>\n"
        "<ol><li>one <code>x</code></li><li>two\n<ul>\n<li>three</li>\n</ul>\n</li></ol>"
    )
    assert passage.word_count == 8
    assert passage.audience == "public"
    assert passage.placeholder is False


def test_a_divided_table_repeats_its_header_and_no_row_is_cut() -> None:
    rows = "\n".join(f"| plan {n} | ${n} a month. Or more. |" for n in range(20))
    found = passages_of(f"Fees:\n\n| Plan | Fee |\n|---|--:|\n{rows}", words=40)
    assert len(found) > 2
    assert all("<thead>" in passage.html for passage in found)
    lines = [line for p in found for line in p.text.split("\n") if line != "Fees:"]
    assert lines == [f"Plan: plan {n} | Fee: ${n} a month. Or more." for n in range(20)]


def test_a_divided_list_repeats_its_lead_in_and_goes_on_counting() -> None:
    items = "\n".join(f"{n}. step number {n} of many" for n in range(1, 21))
    found = passages_of(f"To apply:\n\n{items}", words=40)
    assert len(found) > 2
    assert all(passage.text.startswith("To apply:\n") for passage in found)
    assert all(passage.word_count <= 40 for passage in found)
    second = int(found[1].text.split("\n")[1].split(".")[0])
    assert f'<ol start="{second}">' in found[1].html


def test_a_long_paragraph_is_divided_between_sentences_with_its_markup() -> None:
    body = "**We refund you, " + " ".join(f"sentence {n}. Here" for n in range(30)) + "** end."
    found = passages_of(body, words=30)
    assert len(found) > 1
    assert " ".join(p.text for p in found) == body.replace("**", "")
    assert all(p.html.startswith("<p><strong>") for p in found)
    assert all(p.html.count("<strong>") == p.html.count("</strong>") for p in found)
    assert all(p.text.endswith(".") for p in found)


def test_a_code_block_stays_whole_however_long() -> None:
    code = "\n".join(f"line {n} of a program" for n in range(50))
    found = passages_of(f"Run:\n\n```\n{code}\n```\n\nDone.", words=30)
    assert any(code in passage.text for passage in found)


def test_an_item_that_holds_a_whole_article_is_opened_between_its_blocks() -> None:
    inner = "\n".join(f"   - option {n} is one of very many to take" for n in range(40))
    found = passages_of(f"1. First.\n2. Choose:\n\n{inner}\n\n3. Last.", words=50)
    assert all(passage.word_count <= 50 for passage in found)
    lines = [line for p in found for line in p.text.split("\n") if line]
    assert list(dict.fromkeys(lines)) == [
        "1. First.",
        "2. Choose:",
        *(f"- option {n} is one of very many to take" for n in range(40)),
        "3. Last.",
    ]


def test_headings_inside_a_layout_list_are_headings() -> None:
    body = (
        "<ul><li><h3>Spouse</h3>\n\nYou may apply.\n\n</li><li><h3>Child</h3><p>Ask.</p></li></ul>"
    )
    assert [(p.headings, p.text) for p in passages_of(body)] == [
        (("Spouse",), "You may apply."),
        (("Child",), "Ask."),
    ]


def test_an_html_table_reads_like_one_in_markdown() -> None:
    body = (
        "<table><caption>Fees</caption><tr><th>Plan</th><th colspan=2>Fee</th></tr>"
        "<tr><td rowspan=2>Gold</td><td>$5</td><td><ul><li>a</li><li>b</li></ul></td></tr>"
        "<tr><td>$6</td><td></td></tr><tr><td>Red</td></tr></table>"
    )
    assert texts(body) == [
        "Fees\n\nPlan: Gold | Fee: $5 | - a; - b\nPlan: Gold | Fee: $6\nPlan: Red | Fee: —"
    ]


def test_a_passage_of_holes_alone_is_marked() -> None:
    found = passages_of("# Rate\n\nIt is [value not available].\n\n# Fee\n\nIt is $5.")
    assert [passage.placeholder for passage in found] == [True, False]


def test_an_unknown_audience_is_refused() -> None:
    with pytest.raises(ValueError, match="everyone"):
        split(title="t", body="b", audience="everyone")


@pytest.mark.parametrize(
    ("heading", "audience", "shown"),
    [
        ("Codes {audience=agent}", "agent", "Codes"),
        ("Codes {audience=internal}", "internal", "Codes"),
        ("Codes { Audience = 'Internal' } ", "internal", "Codes"),
        ("Codes {audience=public}", "public", "Codes"),
        ("Codes {audience=agnet}", "internal", "Codes"),
        ("Codes (INTERNAL USE ONLY)", "agent", "Codes (INTERNAL USE ONLY)"),
        ("Internal only: codes", "agent", "Internal only: codes"),
        ("Agents only", "agent", "Agents only"),
        ("[Agent Only] Codes", "agent", "[Agent Only] Codes"),
        ("**Codes** for agents only", "agent", "Codes for agents only"),
        ("For support agents", "agent", "For support agents"),
        ("Agent responsibility", "agent", "Agent responsibility"),
        ("If you are working with an agent", "public", "If you are working with an agent"),
        ("Internal transfers", "public", "Internal transfers"),
        ("Employee cards", "public", "Employee cards"),
    ],
)
def test_a_heading_narrows_its_section(heading: str, audience: str, shown: str) -> None:
    found = passages_of(f"# {heading}\n\nA.\n\n## Below\n\nB.\n\n# Next\n\nC.")
    assert [(p.headings, p.audience) for p in found] == [
        ((shown,), audience),
        ((shown, "Below"), audience),
        (("Next",), "public"),
    ]


def test_a_marker_never_widens() -> None:
    body = (
        "# A {audience=agent}\n\nx\n\n## B {audience=public}\n\ny\n\n## C {audience=internal}\n\nz"
    )
    assert audiences(body, audience="internal") == [
        ("x", "internal"),
        ("y", "internal"),
        ("z", "internal"),
    ]
    assert audiences(body) == [("x", "agent"), ("y", "agent"), ("z", "internal")]


def test_the_words_in_a_title_narrow_the_whole_article() -> None:
    (passage,) = split(title="Codes (agents only)", body="x", audience=Audience.public)
    assert passage.audience == "agent"


@pytest.mark.parametrize(
    "marked",
    [
        "Internal use only: say nothing.",
        "**Agents only:** say nothing.",
        "**Agent only** - say nothing.",
        "(Internal) say nothing.",
        "[Agents] Say nothing.",
        "Note: internal use only. Say nothing.",
        "Internal use only  \nsay nothing.",
        "Staff only! Say nothing.",
        "The code (agents only) says nothing.",
        "Say nothing {audience=agent}",
        "- Agents only: say nothing.",
        "> **Agents only**\n>\n> Say nothing.\n>\n> Really.",
        "For support agents:\n- say nothing",
        "For support agents:\n\nSay nothing.",
        "Internal note: say nothing.",
        "| Code | Agents only: |\n|--|--|\n| 1 | say nothing |",
        "<div>Internal use only<p>Say nothing.</p><ul><li>nothing</li></ul></div>",
    ],
)
def test_a_part_that_says_so_itself_never_reaches_the_public(marked: str) -> None:
    body = f"# Lost cards\n\nCall us first.\n\n{marked}\n\nWe send a new card."
    found = passages_of(body)
    public = " ".join(p.text + p.html for p in found if p.audience == "public").lower()
    assert "nothing" not in public
    assert "call us first." in public
    assert "we send a new card." in public
    assert "nothing" in " ".join(p.text for p in found if p.audience == "agent").lower()
    shown = page(title="t", body=body, audience="public", reader="public").lower()
    assert "nothing" not in shown
    assert "we send a new card." in shown


@pytest.mark.parametrize(
    "plain",
    [
        "Agents only see your balance.",
        "Our keys are for internal use only.",
        "Internal transfers are free.",
        "For agents of the estate we need a letter.",
        "Notes to remember: keep the receipt.",
        "Internally: we check it.",
    ],
)
def test_ordinary_words_keep_nothing_from_the_public(plain: str) -> None:
    assert [p.audience for p in passages_of(plain)] == ["public"]


def test_words_that_stand_alone_narrow_the_rest_of_their_section() -> None:
    body = "# A\n\nx\n\n**INTERNAL USE ONLY**\n\ny\n\n## B\n\nz\n\n# C\n\nw"
    assert audiences(body) == [
        ("x", "public"),
        ("INTERNAL USE ONLY", "agent"),
        ("z", "agent"),
        ("w", "public"),
    ]


def test_a_marked_item_leaves_its_list_and_the_others_stay_together() -> None:
    body = "You can:\n\n- call\n- Agents only: use code 7\n- write"
    assert [(p.audience, p.text) for p in passages_of(body)] == [
        ("public", "You can:\n- call\n- write"),
        ("agent", "- Agents only: use code 7"),
    ]


def test_a_page_shows_each_reader_what_is_theirs() -> None:
    table = "| a | b |\n|--|--|\n| 1 | 2 |"
    body = f"Hello *you*.\n\n## Codes {{audience=agent}}\n\nCode 7.\n\n## More\n\n{table}"
    for reader in ("public", Audience.public):
        html = page(title="t", body=body, audience="public", reader=reader)
        assert "Code" not in html
        assert "<h2>More</h2>" in html
    html = page(title="t", body=body, audience="public", reader="agent")
    assert "<h2>Codes</h2>\n<p>Code 7.</p>" in html
    assert page(title="t", body=body, audience="internal", reader="agent") == ""


def test_a_large_article_is_divided_in_reasonable_time() -> None:
    rows = "\n".join(f"| name {n} | value {n} | <br>more {n} |" for n in range(20_000))
    found = passages_of(f"| A | B | C |\n|---|---|---|\n{rows}")
    assert sum(passage.text.count("A: name") for passage in found) == 20_000
