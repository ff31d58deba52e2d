"""Facts in prose: found, rendered as text, left alone in code, and reported when malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import Invalid
from kb.text import markdown, rendering

PROSE = """# Refunds within {{ fact refund.window }}

You have {{fact refund.window}}; the fee is {{  fact  refund.fee }}.

| Plan | Fee |
|---|---|
| Gold | {{ fact gold.fee }} |

- an item {{ fact item }}
  goes on {{ fact item_more }}

> quoted {{ fact quoted }}

<div>
<p>{{ fact in_html }}</p>
</div>
"""

CODE = """`{{ fact a }}` and ``x ` {{ fact b }}`` and

    {{ fact c }}

```
{{ fact d }}
```

<pre>
{{ fact e }}
</pre>

| `{{ fact f }}` | b |
|---|---|
"""


def test_keys_are_found_wherever_prose_stands_each_once_in_order() -> None:
    assert rendering.fact_keys(PROSE) == [
        "refund.window",
        "refund.fee",
        "gold.fee",
        "item",
        "item_more",
        "quoted",
        "in_html",
    ]


def test_code_is_left_alone() -> None:
    assert rendering.fact_keys(CODE) == []
    assert rendering.problems(CODE) == []
    assert rendering.render(CODE, {}) == CODE


def test_an_escaped_or_unclosed_backtick_begins_no_code() -> None:
    assert rendering.fact_keys("\\`{{ fact a }}` b") == ["a"]
    assert rendering.fact_keys("a ` b {{ fact a }}") == ["a"]
    assert rendering.fact_keys("a ` b\n\n{{ fact a }} ` c") == ["a"]


def test_each_reference_shows_what_its_fact_displays() -> None:
    rendered = rendering.render(
        "Send it back within {{ fact refund.window }}, {{fact refund.window}}!",
        {"refund.window": "30 days", "unused": "x"},
    )
    assert rendered == "Send it back within 30 days, 30 days!"


def test_an_unknown_key_is_refused_with_its_name_and_line() -> None:
    with pytest.raises(Invalid) as refusal:
        rendering.render("One\n\n{{ fact a.b }} {{ fact c }}", {"c": "1"})
    assert refusal.value.code == "unknown_fact"
    assert refusal.value.fields == {
        "body": "line 3: there is no fact 'a.b'; name a fact that exists"
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n{{ fact }}", "line 2: {{ fact }} isn't a reference"),
        ("{{ fakt refund.window }}", "line 1: {{ fakt refund.window }}"),
        ("{{ fact Refund.Window }}", "{{ fact Refund.Window }}"),
        ("{{ fact a b }}", "{{ fact a b }}"),
        ("{{ fact.refund }}", "{{ fact.refund }}"),
        ("{{ FACT x }}", "{{ FACT x }}"),
        ("a\n\n{{ fact refund.window", "line 3: '{{ fact refund.window' isn't closed"),
    ],
)
def test_a_malformed_reference_is_reported_with_its_line(text: str, words: str) -> None:
    (problem,) = rendering.problems(text)
    assert words in problem
    assert "write {{ fact refund.window }}" in problem


@pytest.mark.parametrize(
    "text", ["{{ site.email_support }}", "{{ include foo.html }}", "{{}}", "{{ a", "{ fact x }"]
)
def test_other_double_braces_are_left_alone(text: str) -> None:
    assert rendering.problems(text) == []
    assert rendering.render(text, {}) == text


@pytest.mark.parametrize(
    "display",
    [
        "30 days", "$5.00", "*not* bold", "a_b_c", "<b>x</b>", "1 < 2 & 3", "a | b", "`x`",
        "[x](https://example.com)", "# 1", "- 5", "14.", "{{ fact other }}", "+", "1) x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{} ", "A {} b", "- {}", "> {}", "<div>{}</div>"])
def test_a_value_is_text_and_never_markup(display: str, around: str) -> None:
    rendered = rendering.render(around.format("{{ fact x }}"), {"x": display})
    shown = markdown.plain_text(around.format("VALUE")).replace("VALUE", display)
    assert markdown.plain_text(rendered) == shown


def test_a_number_at_the_end_of_a_sentence_of_its_own_begins_no_list() -> None:
    rendered = rendering.render("{{ fact x }}. Then", {"x": "14"})
    assert markdown.to_html(rendered) == "<p>14. Then</p>\n"


@given(st.text(alphabet="{} fact.x`\\\n|-<p>#"))
def test_rendering_changes_nothing_but_references(text: str) -> None:
    keys = rendering.fact_keys(text)
    rendered = rendering.render(text, dict.fromkeys(keys, "VALUE"))
    if not keys:
        assert rendered == text
    assert rendering.fact_keys(rendered) == []
