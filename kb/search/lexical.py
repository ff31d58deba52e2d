"""The lexical index: a Tantivy folder over the words of passages.

Decides how words are indexed and weighed, and which held word a misspelt one means. Never knows
Django or the database, and is never trusted: what it returns are proposals. One process writes at a
time (the keeper's lock); any number read. Called by `kb.search.snapshot`.

A damaged or missing file comes out as IndexUnusableError; the keeper rebuilds on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import tantivy

from kb.search import words
from kb.search.entries import Entry, primary_language
from kb.search.errors import IndexUnusableError

TITLE_WEIGHT = 0.3
"""What a word gets on top for standing in the title, beside 1 for standing anywhere.

Measured by bench/retrieval_quality.py; scoring title, headings and text as three fields was worse,
and so was a field of unstemmed words.
"""
TYPO_WEIGHT = 0.8
"""Weight of the held word that a misspelt one is taken for."""

FEWEST_PASSAGES = 100
"""A smaller knowledge base is weighed as if it had this many: in one of three passages, all of
them about refunds, "refund" would otherwise count for nothing."""

_SHORTEST_MENDED = 5
_SAME_BEGINNING = 2
_WRITER_BYTES = 30_000_000


@dataclass(frozen=True, slots=True)
class Term:
    """A telling word of a question. `stem` is what is looked up; `idf` weighs it.

    `mended` says that the word as written isn't held and a neighbouring one stands in for it.
    """

    word: str
    stem: str
    idf: float
    mended: bool = False


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage with its BM25 score, in units of what a word that stands nowhere else is worth.

    So a score means the same in a small knowledge base as in a large one, where every rare word
    is worth more.
    """

    passage_id: int
    article_id: int
    score: float


def idf(*, held: int, frequency: int) -> float:
    """Return the inverse document frequency of a word in `frequency` of `held` passages; over 0."""
    return _idf(max(held, frequency, FEWEST_PASSAGES), frequency)


def _idf(total: int, frequency: int) -> float:
    return math.log(1.0 + (total - frequency + 0.5) / (frequency + 0.5))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("anywhere", "title"):
        builder.add_text_field(name, tokenizer_name="kb_stemmed", index_option="freq")
    # The dictionary against which misspelt words are held: a stem has lost the end of its word.
    builder.add_text_field("as_written", tokenizer_name="kb_plain", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic", stored=True)
    builder.add_integer_field("passage_id", stored=True, indexed=True, fast=True)
    builder.add_integer_field("article_id", stored=True, indexed=True, fast=True)
    builder.add_integer_field("audience", indexed=True, fast=True)
    return builder.build()


_SCHEMA = _schema()


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what Tantivy raises on damaged files into one error.

    Where it doesn't notice by itself it panics, which reaches Python as an exception that no
    `except Exception` sees and that has no importable name.
    """
    try:
        yield
    except (ValueError, OSError, RuntimeError) as error:
        raise IndexUnusableError(f"the lexical index can't be used: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise IndexUnusableError(f"the lexical index is damaged: {error}") from error


def _open(folder: Path, *, create: bool) -> tantivy.Index:
    if create:
        folder.mkdir(parents=True, exist_ok=True)
        index = tantivy.Index(_SCHEMA, path=str(folder), reuse=False)
    else:
        index = tantivy.Index.open(str(folder))
    index.register_tokenizer("kb_stemmed", words.STEMMED)
    index.register_tokenizer("kb_plain", words.PLAIN)
    index.config_reader(reload_policy="manual")
    return index


class LexicalWriter:
    """Writes to the index of a folder. Everything becomes visible at `commit`, or nothing."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        with _failures():
            self._writer = _open(folder, create=create).writer(_WRITER_BYTES, 1)

    def remove_articles(self, article_ids: Iterable[int]) -> None:
        """Remove every passage of the articles."""
        with _failures():
            for article_id in article_ids:
                self._writer.delete_documents_by_term("article_id", article_id)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add passages. A passage that is there already must have been removed before."""
        with _failures():
            for entry in entries:
                self._writer.add_document(_document(entry))

    def commit(self) -> None:
        """Make the changes durable and visible, and end this writer."""
        with _failures():
            self._writer.commit()
            self._writer.wait_merging_threads()


def _document(entry: Entry) -> tantivy.Document:
    everything = "\n".join([entry.title, *entry.headings, entry.text])
    return tantivy.Document.from_dict(
        {
            "title": entry.title,
            "anywhere": everything,
            "as_written": everything,
            "language": primary_language(entry.language),
            "passage_id": entry.passage_id,
            "article_id": entry.article_id,
            "audience": entry.audience,
        },
        _SCHEMA,
    )


def _segment_files(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in folder.iterdir():
        if not path.name.startswith(".") and path.suffix != ".json":
            with suppress(FileNotFoundError):
                yield path, path.stat().st_size


class LexicalIndex:
    """A view of the index as it was when opened. Safe to share between threads.

    Every method raises IndexUnusableError if the files turn out to be damaged.
    """

    def __init__(self, folder: Path) -> None:
        with _failures():
            index = _open(folder, create=False)
            index.reload()
            self._searcher = index.searcher()
            # Segments never change; they are removed once merged, which a reader survives.
            self._sizes = dict(_segment_files(folder))

    def is_whole(self) -> bool:
        """Say whether no segment has been cut short since it was opened."""
        for path, size in self._sizes.items():
            try:
                if path.stat().st_size != size:
                    return False
            except FileNotFoundError:
                continue
        return True

    @property
    def size(self) -> int:
        """How many passages are held."""
        return self._searcher.num_docs

    def terms(self, query: str) -> list[Term]:
        """Return the telling words of a question with what each is looked up as, and its weight."""
        found: dict[str, Term] = {}
        with _failures():
            for word in words.telling_words(query):
                for stem in words.stems(word):
                    term = self._term(word, stem)
                    found.setdefault(term.stem, term)
        return list(found.values())

    def _term(self, word: str, stem: str) -> Term:
        frequency = self._frequency(stem)
        if not frequency and len(word) >= _SHORTEST_MENDED and word.isalpha():
            for neighbour in words.stems(self._mended(word)):
                return Term(word, neighbour, self._idf(self._frequency(neighbour)), mended=True)
        return Term(word, stem, self._idf(frequency))

    def _frequency(self, stem: str) -> int:
        return self._searcher.doc_freq("anywhere", stem)

    def _idf(self, frequency: int) -> float:
        return idf(held=self._searcher.num_docs, frequency=frequency)

    def _mended(self, word: str) -> str:
        """The most frequent held word one slip away (a letter more, less, other, or swapped)."""
        best, most = "", 0
        beginning = word[:_SAME_BEGINNING]
        for held, frequency in self._searcher.terms_with_prefix("as_written", beginning):
            if frequency > most and _one_slip_apart(word, held):
                best, most = held, frequency
        return best

    def search(
        self,
        terms: Sequence[Term],
        *,
        language: str | None = None,
        audience: int | None = None,
        limit: int,
    ) -> list[LexicalHit]:
        """Return up to `limit` passages that hold any of the words, best first.

        With a language, only passages of it (regions aside); with an audience, only those that it
        includes, as far as this index knows.
        """
        if not terms or limit <= 0:
            return []
        with _failures():
            query = _filtered(self._any_of(terms), language, audience)
            hits = self._searcher.search(query, limit=limit, count=False).hits
            places = [place for _, place in hits]
            passages = self._searcher.fast_field_values("passage_id", places)
            articles = self._searcher.fast_field_values("article_id", places)
        return [
            LexicalHit(int(passage or 0), int(article or 0), float(score))
            for (score, _), passage, article in zip(hits, passages, articles, strict=True)
        ]

    def _any_of(self, terms: Sequence[Term]) -> tantivy.Query:
        """Any of the words, weighed by our own idf instead of the one Tantivy multiplies by."""
        held = self._searcher.num_docs
        unit = idf(held=held, frequency=1)
        any_of: list[tuple[tantivy.Occur, tantivy.Query]] = []
        for term in terms:
            trust = TYPO_WEIGHT if term.mended else 1.0
            for field, weight in (("anywhere", trust), ("title", trust * TITLE_WEIGHT)):
                frequency = self._searcher.doc_freq(field, term.stem)
                if frequency:
                    theirs = _idf(max(held, frequency), frequency)
                    boost = weight * term.idf / (unit * theirs)
                    word = tantivy.Query.boost_query(_word(field, term.stem), boost)
                    any_of.append((tantivy.Occur.Should, word))
        return tantivy.Query.boolean_query(any_of) if any_of else tantivy.Query.empty_query()

    def coverage(self, terms: Sequence[Term], passage_ids: Sequence[int]) -> dict[int, float]:
        """Return, by passage, the share of the words, weighted by idf, that it has; 0 to 1.

        Of the given passages those that have any of them.
        """
        total = sum(term.idf for term in terms)
        if total <= 0.0 or not passage_ids:
            return {}
        any_of = [
            (tantivy.Occur.Should, tantivy.Query.const_score_query(query, term.idf / total))
            for term, query in ((term, _word("anywhere", term.stem)) for term in terms)
        ]
        with _failures():
            these = tantivy.Query.term_set_query(_SCHEMA, "passage_id", list(passage_ids))
            query = tantivy.Query.boolean_query(
                [
                    (tantivy.Occur.Must, tantivy.Query.const_score_query(these, 0.0)),
                    (tantivy.Occur.Must, tantivy.Query.boolean_query(any_of)),
                ]
            )
            hits = self._searcher.search(query, limit=len(passage_ids), count=False).hits
            found = self._searcher.fast_field_values("passage_id", [place for _, place in hits])
        return {
            int(passage or 0): float(score) for (score, _), passage in zip(hits, found, strict=True)
        }


def _filtered(query: tantivy.Query, language: str | None, audience: int | None) -> tantivy.Query:
    every = [(tantivy.Occur.Must, query)]
    if language:
        these = tantivy.Query.term_query(_SCHEMA, "language", primary_language(language), "basic")
        every.append((tantivy.Occur.Must, tantivy.Query.const_score_query(these, 0.0)))
    if audience is not None:
        levels = tantivy.Query.range_query(
            _SCHEMA, "audience", tantivy.FieldType.Integer, upper_bound=audience
        )
        every.append((tantivy.Occur.Must, tantivy.Query.const_score_query(levels, 0.0)))
    return query if len(every) == 1 else tantivy.Query.boolean_query(every)


def _word(field: str, word: str) -> tantivy.Query:
    return tantivy.Query.term_query(_SCHEMA, field, word, "freq")


def _one_slip_apart(a: str, b: str) -> bool:
    """Say whether one letter was left out, added, exchanged, or swapped with its neighbour."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    start = 0
    shortest = min(len(a), len(b))
    while start < shortest and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[2:] == rest_b[2:] and rest_a[:2] == rest_b[1::-1])
    )
