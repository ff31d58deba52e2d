"""What Markdown may become: safe HTML, plain text, or a refusal that says why."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.text import markdown


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**Yes**, *now*, ~~never~~", "<p><strong>Yes</strong>, <em>now</em>, <s>never</s></p>\n"),
        ("line<br>break, x<sup>2</sup>", "<p>line<br>break, x<sup>2</sup></p>\n"),
        ("a <!-- hidden --> b", "<p>a  b</p>\n"),
        (
            "Enter <account number> <or> call",
            "<p>Enter &lt;account number&gt; &lt;or&gt; call</p>\n",
        ),
        ("![A red card](media/card.png)", "<p>A red card</p>\n"),
        (
            "![A red card](/image/3f2a)",
            '<p><img src="/image/3f2a" alt="A red card"></p>\n',
        ),
        (
            "> [!NOTE]\n> Keep the receipt.",
            "<blockquote>\n<p>Note: \nKeep the receipt.</p>\n</blockquote>\n",
        ),
    ],
)
def test_markdown_becomes_the_html_that_is_meant(source: str, expected: str) -> None:
    assert markdown.to_html(source) == expected


@pytest.mark.parametrize(
    ("source", "href"),
    [
        ("[a](https://example.com/x)", "https://example.com/x"),
        ("[a](http://example.com)", "http://example.com"),
        ("[a](mailto:help@example.com)", "mailto:help@example.com"),
        ("<a href='tel:+44-20'>a</a>", "tel:+44-20"),
        ("[a](/returns#how)", "/returns#how"),
    ],
)
def test_a_link_goes_to_the_web_to_mail_to_a_telephone_or_within_the_site(
    source: str, href: str
) -> None:
    html = markdown.to_html(source)
    assert f'<a href="{href}" rel="nofollow noopener">a</a>' in html


def test_a_column_keeps_its_alignment_without_a_style_attribute() -> None:
    html = markdown.to_html("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<td align="right">2</td>' in html
    assert "style" not in html


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "<a href='java&#x0A;script:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "<iframe src='https://example.com'></iframe>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext></p><style><img src=x onerror=alert(1)></style></math>",
        "<div style='background:url(javascript:alert(1))'>x</div>",
        "<form action='https://example.com'><input name=password></form>",
        "<base href='https://example.com'>",
        "<object data='x.swf'></object>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<p title='&quot;><script>alert(1)</script>'>x</p>",
    ],
)
def test_nothing_that_runs_survives(attack: str) -> None:
    html = markdown.to_html(attack).lower()
    for forbidden in ("<script", "onerror", 'href="java', "<iframe", "<svg", "<form", "<object"):
        assert forbidden not in html
    assert "style=" not in html
    assert 'href="data:' not in html


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("One.\n\n<script>alert(1)</script>", "line 3: a <script> element"),
        ("<div>\n<p>x</p>\n<a href='/' onClick='go()'>x</a>\n</div>", "line 3: an event handler"),
        ("[x](javascript:alert(1))", "line 1: a javascript: link"),
        ("a\n\n- [x](JAVASCRIPT:alert(1))", "line 3: a javascript: link"),
        ("<a href=' java\tscript:alert(1)'>x</a>", "a javascript: link on <a>"),
        ("<a href='java&#115;cript:alert(1)'>x</a>", "a javascript: link on <a>"),
        ("<a href='javascript&colon;alert(1)'>x</a>", "a javascript: link on <a>"),
        ("<iframe src='//example.com'></iframe>", "a <iframe> element"),
        ("<object data='x'></object>", "a <object> element"),
        ("![x](data:image/png;base64,AAAA)", "a data: link"),
        ("<vbscript:run>", "a vbscript: link"),
        ("<div>" * 300, "nested more than 200"),
    ],
)
def test_a_dangerous_text_is_refused_with_its_line_and_reason(source: str, words: str) -> None:
    reason = markdown.dangerous(source)
    assert reason is not None
    assert words in reason


@pytest.mark.parametrize(
    "source",
    [
        "Line<br>break and x<sup>2</sup> <!-- a comment -->",
        "<div class='box' style='color:red'>\n\nText\n\n</div>",
        "<button aria-controls='x'>As a spouse</button>",
        "Don't click javascript: links. Our script: be kind. data: see below",
        "`<script>alert(1)</script>` is shown as code",
        "```html\n<script>alert(1)</script>\n<a onclick='x()'>\n```",
        "    <iframe src='x'></iframe>",
        "Value name \\<script\\> is escaped",
        "on time = on budget",
        "{% include 'x.html' %} {{ site.email }}",
        "<a href='tel:123'>call</a> [x](mailto:a@example.com) &amp; &nbsp;",
        "<p>x" * 400,
    ],
)
def test_a_harmless_text_is_not_refused(source: str) -> None:
    assert markdown.dangerous(source) is None


def test_plain_text_has_a_line_per_item_and_per_row() -> None:
    source = (
        "## Fees\n\nThe *fees* are:\n\n- one\n  1. two\n- three\n\n"
        "| Plan | Fee |\n|--|--|\n| Gold | $5 |\n\n`code`&nbsp;here"
    )
    assert markdown.plain_text(source) == (
        "Fees\n\nThe fees are:\n\n- one\n  1. two\n- three\n\nPlan: Gold | Fee: $5\n\ncode here"
    )


def test_a_footnote_mark_never_runs_into_the_figure_before_it() -> None:
    assert markdown.plain_text("The fee is $5<sup>1</sup>.") == "The fee is $5¹."


def test_deeply_nested_html_takes_neither_long_nor_too_much_stack() -> None:
    for opening in ("<div>", "<b>", "<ul><li>", "<table><tr><td>", "> "):
        assert isinstance(markdown.plain_text(opening * 5_000 + "x"), str)


class Reader(HTMLParser):
    """Notes every tag and attribute that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(f"{tag}.{name}" for name, _ in attrs)}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


HARMLESS = {"a.href", "a.rel", "a.title", "img.src", "img.alt", "ol.start", "td.align", "th.align"}


FRAGMENTS = """
< > </ script img src= a href= onload= x ' " = javascript: &#106;avascript: [x]( ) ` - | <!-- -->
<style> <svg> <p <a <img <div ![ ]( https:
"""


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*FRAGMENTS.split(), " ", "\n", "\n\n"]), max_size=30).map("".join))
def test_whatever_is_written_a_browser_meets_nothing_that_runs(source: str) -> None:
    reader = Reader()
    reader.feed(markdown.to_html(source))
    reader.close()
    assert not reader.seen & {"script", "style", "svg", "iframe", "form"}
    assert {name for name in reader.seen if "." in name} <= HARMLESS
    assert not [link for link in reader.links if link.lower().startswith(("javascript", "data"))]
