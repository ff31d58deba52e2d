"""An article divided into passages, the unit of retrieval, each with its own audience.

Decides what stands together: one section, about 200 words, never half a list item, table row,
sentence or code block. Narrows a passage where the author's words do and never widens one. Never
stores anything. Called by the actions that submit and import versions, and by the article's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kb.text import blocks, markdown, placeholders, sections
from kb.text.blocks import Block
from kb.text.sections import Marked, Section
from policies import audience as audiences
from policies.audience import Audience

TARGET_WORDS = 200
_LONGEST_CONTEXT = 30
"""Words of a lead-in ("To apply you need:") that each part of a divided list repeats."""
_TINY = 5
"""A passage of less than a fifth of the target isn't closed just to keep the next block whole."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one version's text.

    `headings` is the path to it without the article's title; `text` is plain, `html` sanitised, of
    the same blocks. `audience` is a name, as narrow as the article's or narrower. `placeholder`
    says that nothing is left to say but holes such as "[value not available]".
    """

    ordinal: int
    headings: tuple[str, ...]
    text: str
    html: str
    audience: str
    word_count: int
    placeholder: bool


def split(
    *, title: str, body: str, audience: Audience | str, target_words: int = TARGET_WORDS
) -> list[Passage]:
    """Divide an article's Markdown, facts already rendered, into passages in reading order.

    None has more than `target_words` words unless a single list item, row, sentence or code block
    does. A heading with nothing under it makes no passage: it would answer nothing. Raises
    ValueError for an unknown audience.
    """
    result: list[Passage] = []
    for section in _sections(title, body, audience, target_words):
        for level, pieces in _by_audience(section):
            for group in _Packer(target_words).pack(pieces):
                result.append(_passage(len(result), section, level, group))
    return result


def page(*, title: str, body: str, audience: Audience | str, reader: Audience | str) -> str:
    """Return the article as HTML, as far as a reader of the given audience may see it.

    Empty where the whole article is for others. Raises ValueError for an unknown audience.
    """
    parts = _sections(title, body, audience, None)
    return "\n".join(sections.visible(parts, _audience(reader)))


def _sections(
    title: str, body: str, audience: Audience | str, longest: int | None
) -> list[Section]:
    return sections.sections(
        markdown.to_html(body), title=title, audience=_audience(audience), longest=longest
    )


def _audience(audience: Audience | str) -> Audience:
    return audience if isinstance(audience, Audience) else audiences.parse(audience)


def _by_audience(section: Section) -> Iterator[tuple[Audience, list[Marked]]]:
    """Put the pieces of a section apart by audience, in the order of their first piece."""
    apart: dict[Audience, list[Marked]] = {}
    for marked in section.pieces:
        apart.setdefault(marked.audience, []).append(marked)
    yield from apart.items()


def _passage(ordinal: int, section: Section, level: Audience, group: list[Marked]) -> Passage:
    texts: list[str] = []
    html: list[str] = []
    for block, run in _runs(group):
        if texts:
            texts.append("\n" if texts[-1].endswith(":") else "\n\n")
        pieces = [marked.piece for marked in run]
        texts.append(blocks.text_of(pieces))
        html.append(block.html(pieces))
    text = "".join(texts)
    return Passage(
        ordinal=ordinal,
        headings=section.headings,
        text=text,
        html="\n".join(html),
        audience=str(level),
        word_count=blocks.count_words(text),
        placeholder=placeholders.is_only_placeholder(text),
    )


def _runs(group: Iterable[Marked]) -> Iterator[tuple[Block, list[Marked]]]:
    """Put neighbouring pieces of one block together."""
    run: list[Marked] = []
    for marked in group:
        if run and run[-1].block is not marked.block:
            yield run[-1].block, run
            run = []
        run.append(marked)
    if run:
        yield run[-1].block, run


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A block with the lead-ins before it, to be kept whole where it fits."""

    labels: list[Marked]
    pieces: list[Marked]
    words: int


class _Packer:
    """Packs the pieces of one section and audience into passages."""

    def __init__(self, target_words: int) -> None:
        self._target = max(target_words, 1)

    def pack(self, pieces: Sequence[Marked]) -> list[list[Marked]]:
        """Return groups of pieces, evenly filled rather than a full one and a scrap."""
        chunks = list(self._chunks(pieces))
        total = sum(chunk.words for chunk in chunks)
        if total <= self._target:
            return [[*pieces]] if pieces else []
        best = self._fill(chunks, self._target)
        for share in (1.05, 1.2, 1.4):
            limit = int(total / len(best) * share) + 1
            if limit >= self._target:
                break
            even = self._fill(chunks, limit)
            if len(even) <= len(best):
                return even
        return best

    def _chunks(self, pieces: Sequence[Marked]) -> Iterator[_Chunk]:
        labels: list[Marked] = []
        label_words = 0
        runs = list(_runs(pieces))
        for place, (block, run) in enumerate(runs):
            words = sum(marked.piece.words for marked in run)
            is_last = place == len(runs) - 1
            if block.is_label and not is_last and label_words + words <= self._target // 2:
                labels.extend(run)
                label_words += words
                continue
            yield _Chunk(labels, run, label_words + words)
            labels, label_words = [], 0

    def _fill(self, chunks: Sequence[_Chunk], limit: int) -> list[list[Marked]]:
        groups: list[list[Marked]] = []
        current: list[Marked] = []
        words = 0
        for chunk in chunks:
            if words + chunk.words <= limit:
                current += [*chunk.labels, *chunk.pieces]
                words += chunk.words
                continue
            if current and (chunk.words > limit or words * _TINY >= limit):
                groups.append(current)
                current, words = [], 0
            *full, current = self._divide(chunk, limit, current)
            groups.extend(full)
            words = sum(marked.piece.words for marked in current)
        if current:
            groups.append(current)
        return groups

    @staticmethod
    def _divide(chunk: _Chunk, limit: int, current: list[Marked]) -> list[list[Marked]]:
        """Continue a passage with a chunk, piece by piece; the last one stays open."""
        words = sum(marked.piece.words for marked in current)
        label_words = sum(marked.piece.words for marked in chunk.labels)
        lead, pieces = chunk.labels, chunk.pieces
        if label_words + pieces[0].piece.words > limit:
            lead, pieces = [], [*chunk.labels, *pieces]
        context = lead if label_words <= _LONGEST_CONTEXT else []
        groups = [current]
        for place, marked in enumerate(pieces):
            added = [*lead, marked] if place == 0 else [marked]
            needed = sum(item.piece.words for item in added)
            if groups[-1] and words + needed > limit:
                repeated = context if place and label_words + needed <= limit else []
                groups.append([*repeated])
                words = label_words if repeated else 0
            groups[-1] += added
            words += needed
        return groups
