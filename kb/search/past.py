"""Candidates from PostgreSQL's full-text search: for the past, and where no index can be had.

Decides nothing about what was in force when: the gate does. Takes in every passage that was ever in
force, so it is slower than the indexes (tens of milliseconds) and outside the speed table. Called
by the answering action for `as_of` and `known_at`, and by `kb.search.retrieval` as its fallback.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from kb.inference.encoder import current
from kb.inference.vectors import question_vector
from kb.search import words
from kb.search.blend import Scores, blend
from kb.search.embedding import stored_vectors
from kb.search.entries import primary_language
from kb.search.lexical import Term, idf
from kb.search.proposals import Candidate, Proposal
from kb.search.source import headings_of

_POOL = 400
_SATURATION = 1.2
_LENGTH_SHARE = 0.75

_EVER = "f.starts_at < coalesce(f.ends_at, 'infinity')"
_STILL = f"{_EVER} AND coalesce(f.ends_at, 'infinity') > kb_clock()"

_HITS = """
WITH q AS (SELECT to_tsquery('english', %(query)s) AS words),
found AS (
  SELECT p.id FROM kb_passage p, q WHERE to_tsvector('english', p.text) @@ q.words
  UNION
  SELECT p.id FROM kb_passage p JOIN kb_version v ON v.id = p.version_id, q
  WHERE to_tsvector('english', v.title) @@ q.words)
SELECT p.id, v.article_id, v.title, p.headings, p.text, p.embedding_key
FROM found JOIN kb_passage p USING (id) JOIN kb_version v ON v.id = p.version_id
JOIN kb_period f ON f.version_id = v.id, q
WHERE {when} AND NOT p.placeholder
  AND (%(language)s::text IS NULL OR lower(split_part(v.language, '-', 1)) = %(language)s)
ORDER BY ts_rank(setweight(to_tsvector('english', v.title), 'A')
                 || to_tsvector('english', p.text), q.words) DESC, p.id
LIMIT %(pool)s
"""
_FREQUENCIES = """
SELECT w.word, (SELECT count(*) FROM kb_passage p
  WHERE to_tsvector('english', p.text) @@ plainto_tsquery('english', w.word))
FROM unnest(%(words)s::text[]) AS w(word)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that full-text search found, with its BM25 score over title, headings and text."""

    passage_id: int
    article_id: int
    embedding_key: str
    lexical: float
    coverage: float


def full_text(
    query: str, *, language: str | None, limit: int, still_in_force: bool = False
) -> tuple[list[Found], list[Term]]:
    """Return passages that hold any telling word of the question, best first, and those words.

    All that was ever in force, or, `still_in_force`, what is in force or scheduled. `language` is a
    primary tag. Raises django.db.Error if PostgreSQL can't be asked.
    """
    telling = words.telling_words(query)
    if not telling:
        return [], []
    parameters = {
        "query": " | ".join(telling),
        "language": language,
        "pool": max(_POOL, limit),
        "words": telling,
    }
    rows = _rows(_HITS.format(when=_STILL if still_in_force else _EVER), parameters)
    frequencies = dict(_rows(_FREQUENCIES, parameters))
    total = _rows("SELECT count(*) FROM kb_passage", {})[0][0]
    terms = _terms(telling, frequencies, total)
    counts = [
        Counter(words.stems("\n".join([row[2], *headings_of(row[3]), row[4]]))) for row in rows
    ]
    scores = _bm25(terms, counts, unit=idf(held=total, frequency=1))
    total_idf = sum(term.idf for term in terms)
    found = [
        Found(
            passage_id=row[0],
            article_id=row[1],
            embedding_key=row[5],
            lexical=score,
            coverage=sum(term.idf for term in terms if count[term.stem]) / total_idf,
        )
        for row, count, score in zip(rows, counts, scores, strict=True)
    ]
    found.sort(key=lambda one: (-one.lexical, one.passage_id))
    return found[:limit], terms


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _terms(telling: Sequence[str], frequencies: dict[str, int], total: int) -> list[Term]:
    terms: dict[str, Term] = {}
    for word in telling:
        frequency = min(frequencies.get(word, 0), total)
        weight = idf(held=total, frequency=frequency)
        for stem in words.stems(word):
            terms.setdefault(stem, Term(word, stem, weight))
    return list(terms.values())


def _bm25(terms: Sequence[Term], passages: Sequence[Counter[str]], *, unit: float) -> list[float]:
    """Score passages by the counts of their words, as the lexical index would, titles aside."""
    lengths = [count.total() for count in passages]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    scores: list[float] = []
    for count, length in zip(passages, lengths, strict=True):
        norm = 1.0 - _LENGTH_SHARE + _LENGTH_SHARE * (length / mean if mean else 1.0)
        scores.append(
            sum(
                term.idf * seen * (_SATURATION + 1.0) / (seen + _SATURATION * norm)
                for term in terms
                if (seen := count[term.stem])
            )
            / unit
        )
    return scores


def candidates_as_of(*, query: str, limit: int, language: str | None = None) -> Proposal:
    """Return up to `limit` passages of all that was ever in force, best first.

    The gate decides which of them governed at the asked time. Raises django.db.Error if PostgreSQL
    can't be asked.
    """
    primary = primary_language(language) if language else None
    return propose(query, language=primary, limit=limit, still_in_force=False)


def propose(query: str, *, language: str | None, limit: int, still_in_force: bool) -> Proposal:
    """Return what full-text search finds, blended with kept vectors where there is an encoder."""
    found, terms = full_text(
        query, language=language, limit=max(_POOL, limit), still_in_force=still_in_force
    )
    dense = _cosines(query, [one.embedding_key for one in found])
    scores = blend(
        lexical=np.array([one.lexical for one in found], dtype=np.float64),
        coverage=np.array([one.coverage for one in found], dtype=np.float64),
        dense=dense,
        terms=terms,
    )
    ranked = [
        Candidate(
            passage_id=one.passage_id,
            article_id=one.article_id,
            lexical=one.lexical,
            dense=None if np.isnan(cosine) else float(cosine),
            blend=float(score),
        )
        for one, cosine, score in zip(found, dense, scores, strict=True)
    ]
    ranked.sort(key=lambda candidate: (-candidate.blend, candidate.passage_id))
    return Proposal(
        candidates=ranked[:limit],
        terms=terms,
        dense_available=bool(np.isfinite(dense).any()),
    )


def _cosines(query: str, keys: Sequence[str]) -> Scores:
    """The cosine of each key's vector with the question; NaN where there is none."""
    cosines = np.full(len(keys), np.nan)
    encoder = current()
    vector = question_vector(query) if encoder and keys else None
    if encoder is None or vector is None:
        return cosines
    kept = stored_vectors(keys, encoder_name=encoder.name, dimensions=encoder.dimensions)
    for place, key in enumerate(keys):
        if key in kept:
            cosines[place] = float(kept[key].astype(np.float32) @ vector)
    return cosines
