"""What holds however an article is written: nothing lost, invented, cut or shown too widely.

Articles are made of words that each occur once, so that every word can be followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from kb.text.passages import Passage, page, split
from policies.audience import Audience

WORD = re.compile(r"w\d+")
MARKS = {
    "": Audience.public,
    " {audience=agent}": Audience.agent,
    " {audience=internal}": Audience.internal,
    " {audience=public}": Audience.public,
    " (internal use only)": Audience.agent,
    " - Agents only": Audience.agent,
}


@dataclass(frozen=True)
class Unit:
    """What may not be cut: its words, and who may see them."""

    words: tuple[str, ...]
    audience: Audience


@dataclass(frozen=True)
class Article:
    """Markdown with what is known about it."""

    body: str
    units: tuple[Unit, ...]
    headings: frozenset[str]


@st.composite
def articles(draw: st.DrawFn) -> Article:
    """Draw an article of headings, paragraphs, lists, tables and code."""
    numbers = count()
    lines: list[str] = []
    units: list[Unit] = []
    headings: set[str] = set()
    open_headings: list[tuple[int, Audience]] = []

    def words(most: int) -> list[str]:
        return [f"w{next(numbers)}" for _ in range(draw(st.integers(1, most)))]

    def audience() -> Audience:
        return max([level for _, level in open_headings], default=Audience.public)

    def unit(most: int) -> str:
        made = words(most)
        units.append(Unit(tuple(made), audience()))
        return " ".join(made)

    for _ in range(draw(st.integers(0, 10))):
        match draw(
            st.sampled_from(["heading", "text", "lead", "items", "numbers", "rows", "code"])
        ):
            case "heading":
                level, mark = draw(st.integers(1, 4)), draw(st.sampled_from(sorted(MARKS)))
                while open_headings and open_headings[-1][0] >= level:
                    open_headings.pop()
                open_headings.append((level, MARKS[mark]))
                made = words(4)
                headings.update(made)
                lines.append(f"{'#' * level} {' '.join(made)}{mark}")
            case "text":
                number = draw(st.integers(1, 6))
                lines.append(" ".join(f"The {unit(12)}." for _ in range(number)))
            case "lead":
                lines.append(f"The {unit(8)}:")
            case "items":
                number = draw(st.integers(1, 8))
                lines.append("\n".join(f"- {unit(12)}" for _ in range(number)))
            case "numbers":
                number = draw(st.integers(1, 8))
                lines.append("\n".join(f"{n + 1}. {unit(12)}" for n in range(number)))
            case "rows":
                number = draw(st.integers(1, 8))
                rows = [f"| {unit(6)} | x |" for _ in range(number)]
                lines.append("\n".join(["| One | Two |", "|---|---|", *rows]))
            case "code":
                lines.append(f"```\n{unit(20)}\n```")
        lines.append("")
    return Article("\n".join(lines), tuple(units), frozenset(headings))


def divided(article: Article, audience: Audience, target: int) -> list[Passage]:
    """Split an article under a title of other words."""
    return split(title="A title", body=article.body, audience=audience, target_words=target)


TARGETS = st.integers(min_value=8, max_value=60)
AUDIENCES = st.sampled_from(Audience)


@settings(deadline=None)
@given(articles(), TARGETS)
def test_no_word_is_lost_and_none_is_invented(article: Article, target: int) -> None:
    found = divided(article, Audience.public, target)
    expected = {word for unit in article.units for word in unit.words}
    assert {word for p in found for word in WORD.findall(p.text)} == expected
    assert {word for p in found for word in WORD.findall(p.html)} == expected
    assert {w for p in found for h in p.headings for w in WORD.findall(h)} <= article.headings
    first = list(dict.fromkeys(word for p in found for word in WORD.findall(p.text)))
    assert first == [word for unit in article.units for word in unit.words]


@settings(deadline=None)
@given(articles(), TARGETS)
def test_no_sentence_item_row_or_code_block_is_ever_cut(article: Article, target: int) -> None:
    texts = [" ".join(p.text.split()) for p in divided(article, Audience.public, target)]
    for unit in article.units:
        whole = " ".join(unit.words)
        for text in texts:
            assert bool(
                set(unit.words) & set(text.replace(".", " ").replace(":", " ").split())
            ) is (re.search(rf"\b{whole}\b", text) is not None)


@settings(deadline=None)
@given(articles(), TARGETS)
def test_a_passage_is_too_long_only_where_it_is_a_single_piece(
    article: Article, target: int
) -> None:
    for passage in divided(article, Audience.public, target):
        assert passage.word_count > 0
        if passage.word_count > target:
            present = set(WORD.findall(passage.text))
            assert sum(1 for unit in article.units if present & set(unit.words)) == 1


@settings(deadline=None)
@given(articles(), AUDIENCES, TARGETS)
def test_no_audience_is_wider_than_the_articles_or_than_its_headings_say(
    article: Article, audience: Audience, target: int
) -> None:
    of_word = {word: unit.audience for unit in article.units for word in unit.words}
    for passage in divided(article, audience, target):
        for word in WORD.findall(passage.text):
            assert passage.audience == str(max(audience, of_word[word]))


@settings(deadline=None)
@given(articles(), AUDIENCES, AUDIENCES)
def test_a_page_shows_exactly_what_the_reader_may_see(
    article: Article, audience: Audience, reader: Audience
) -> None:
    shown = set(WORD.findall(page(title="A", body=article.body, audience=audience, reader=reader)))
    may_see = {
        word
        for unit in article.units
        for word in unit.words
        if max(audience, unit.audience) <= reader
    }
    assert shown - article.headings == may_see


@settings(deadline=None)
@given(articles(), TARGETS)
def test_splitting_is_repeatable_and_counted_from_nought(article: Article, target: int) -> None:
    found = divided(article, Audience.public, target)
    assert found == divided(article, Audience.public, target)
    assert [passage.ordinal for passage in found] == list(range(len(found)))


JUMBLE = """
<ul> <li> </ul> <table> <tr> <td> <th> </table> <div> </div> <p> <h2> </h2> <pre> <dl> <dt> <dd>
<blockquote> <br> <sup>1</sup> **b** `c` - 1. > # | text Agents only:
"""


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*JUMBLE.split(), "\n", "\n\n"]), max_size=40).map(" ".join))
def test_any_jumble_of_markup_can_be_divided(body: str) -> None:
    for passage in split(title="t", body=body, audience="public", target_words=5):
        assert passage.text.strip()
        assert passage.html.strip()
