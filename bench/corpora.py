"""The labelled questions and their articles, indexed as the service does, without a database.

Reads `../shared/data` beside the repository (or `--data`); says so and stops where it isn't there.
Called by bench/retrieval_quality.py and training/fit_answerability.py.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kb.inference import encoder
from kb.search import building, features
from kb.search.entries import Entry, embedding_key, embedding_text
from kb.search.matrix import Scanner
from kb.search.proposals import Proposal
from kb.search.snapshot import Snapshot
from kb.text import passages
from policies import audience
from policies.answerability import Features

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CACHE = Path(__file__).resolve().parents[1] / "var" / "bench"
MIXED = ("benefits", "site_policy", "saas_policies", "retail_guidelines")
WITH_QUESTIONS = ("bank", *MIXED, "faq")
LIMIT = 60
_PAGE = 2000

# The guidelines are written for the retailer's agents; all else is asked by the public.
_ASKED_BY_AGENTS = frozenset({"retail_guidelines"})


@dataclass(frozen=True)
class Shown:
    """A passage in the shape in which the gate gives one."""

    passage_id: int
    article_id: int
    title: str
    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Asked:
    """A question with what came of it. `ranked`: external ids of articles, best first."""

    question: dict[str, Any]
    proposal: Proposal
    served: list[Shown]
    ranked: list[str]
    features: Features
    seconds: float

    @property
    def kind(self) -> str:
        """answerable, unanswerable, far, internal_only, sensitive or clarify."""
        return str(self.question["kind"])

    @property
    def hit(self) -> bool:
        """Whether the first article is one of the right ones."""
        return self.ranked[:1] != [] and self.ranked[0] in self.question["relevant"]


class Corpus:
    """The articles of one corpus in an index of their own."""

    def __init__(self, name: str, *, data: Path, using: encoder.Encoder | None) -> None:
        self.name = name
        self._using = using
        started_at = time.perf_counter()
        self.articles, self.entries = _split(data / name / "articles.jsonl")
        self.split_s = time.perf_counter() - started_at
        vectors = _vectors(self.entries, using)
        self._folder = tempfile.TemporaryDirectory()
        started_at = time.perf_counter()
        manifest = building.build(
            Path(self._folder.name),
            origin=building.Origin(
                source="bench",
                encoder=using.name if using else "",
                dimensions=using.dimensions if using else 0,
            ),
            mark=None,
            blocks=_pages(self.entries, vectors),
        )
        self.build_s = time.perf_counter() - started_at
        self.snapshot = Snapshot(Path(self._folder.name), manifest, scanner=Scanner())

    @property
    def audience(self) -> int:
        """The level of whoever asks."""
        level = audience.Audience.agent if self.name in _ASKED_BY_AGENTS else "public"
        return int(audience.parse(str(level)))

    def ask(self, question: dict[str, Any], *, without: frozenset[str] = frozenset()) -> Asked:
        """Ask one question; `without` takes articles away, as if nobody had written them."""
        started_at = time.perf_counter()
        vector = self._using.embed_one(question["query"]) if self._using else None
        proposal = self.snapshot.propose(
            query=question["query"],
            vector=vector,
            language="en",
            limit=LIMIT,
        )
        seconds = time.perf_counter() - started_at
        held = [one for one in proposal.candidates if self.articles[one.article_id] not in without]
        proposal = replace(proposal, candidates=held)
        served = [
            shown
            for candidate in proposal.candidates
            if (shown := self._shown(candidate.passage_id)) is not None
        ]
        ranked = list(dict.fromkeys(self.articles[shown.article_id] for shown in served))
        measured = features.features(proposal=proposal, served=served)
        return Asked(question, proposal, served, ranked, measured, seconds)

    def _shown(self, passage_id: int) -> Shown | None:
        entry = self.entries[passage_id]
        if entry.audience > self.audience:
            return None
        return Shown(entry.passage_id, entry.article_id, entry.title, entry.headings, entry.text)


def questions(name: str, *, data: Path) -> list[dict[str, Any]]:
    """Return the labelled questions on a corpus."""
    path = data / ("mixed_questions.jsonl" if name in MIXED else f"{name}/questions.jsonl")
    return [one for one in _records(path) if one.get("corpus", name) == name]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:  # not splitlines(): texts hold other line breaks
        yield from map(json.loads, lines)


def _split(path: Path) -> tuple[list[str], list[Entry]]:
    articles: list[str] = []
    entries: list[Entry] = []
    for record in _records(path):
        title, level = record["title"], record.get("audience", "internal")
        for passage in passages.split(title=title, body=record["body"], audience=level):
            if passage.placeholder:
                continue
            entries.append(
                Entry(
                    passage_id=len(entries),
                    article_id=len(articles),
                    version_id=len(articles),
                    language=record.get("language", "en"),
                    audience=int(audience.parse(passage.audience)),
                    title=title,
                    headings=passage.headings,
                    text=passage.text,
                    embedding_key=embedding_key(title, passage.headings, passage.text),
                )
            )
        articles.append(record["id"])
    return articles, entries


def _vectors(
    entries: Sequence[Entry], using: encoder.Encoder | None
) -> list[npt.NDArray[np.float16] | None]:
    """Embed the passages, or read them from the cache of an earlier run."""
    if using is None:
        return [None] * len(entries)
    names = "".join(entry.embedding_key for entry in entries) + using.name
    path = CACHE / f"{hashlib.sha256(names.encode()).hexdigest()[:24]}.npy"
    if not path.exists():
        texts = [embedding_text(entry.title, entry.headings, entry.text) for entry in entries]
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(path, using.embed(texts).astype(np.float16))
    return list(np.load(path))


def _pages(
    entries: Sequence[Entry], vectors: Sequence[npt.NDArray[np.float16] | None]
) -> Iterator[building.Block]:
    for start in range(0, len(entries), _PAGE):
        yield entries[start : start + _PAGE], vectors[start : start + _PAGE]
