"""The sentence encoder: texts to vectors, and the one this process uses.

Vectors are comparable only within one `name`. A text's vector never depends on the texts beside
it. Where no encoder can be prepared, `current()` is None and the reason is logged once, loudly:
search then goes on with words alone. Called by `vectors`, kb/search, kb/actions and the doors that
report health.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kb import conf
from kb.inference import external, preparation, runtime
from kb.inference.errors import EncoderUnavailable
from kb.inference.model import SentenceModel

logger = logging.getLogger("kb.inference")

Vectors = npt.NDArray[np.float32]


class Encoder:
    """Turns texts into vectors of length one. Threads may share it; a forked child may not."""

    def __init__(
        self,
        *,
        name: str,
        model: SentenceModel,
        query_prefix: str = "",
        passage_prefix: str = "",
        threads: int = 1,
    ) -> None:
        self.name = name
        self.dimensions = model.dimensions
        self._model = model
        self._query_prefix = query_prefix
        self._passage_prefix = passage_prefix
        self._threads = threads

    def embed(self, texts: Sequence[str], *, threads: int | None = None) -> Vectors:
        """Return the passages' vectors in the order given: (n, dimensions), float32, length one.

        Only the first tokens of a long text count (256 for the service's own encoder). `threads` is
        how many texts are worked on at once, by default what the encoder was loaded with.
        """
        distinct = dict.fromkeys(texts)
        # The longest first: memory is claimed once, and no thread ends alone on a long one.
        order = sorted(distinct, key=len, reverse=True)
        prefixed = [self._passage_prefix + text for text in order]
        rows = self._vectors(prefixed, self._threads if threads is None else threads)
        found = dict(zip(order, rows, strict=True))
        if not found:
            return np.empty((0, self.dimensions), dtype=np.float32)
        return np.stack([found[text] for text in texts])

    def embed_one(self, text: str) -> Vectors:
        """Return a question's vector: (dimensions,), float32, length one.

        It equals `embed([text])[0]` unless the encoder marks questions and passages differently.
        """
        return self._model.vector(self._query_prefix + text)

    def _vectors(self, texts: list[str], threads: int) -> list[Vectors]:
        if threads < 2 or len(texts) < 2:
            return [self._model.vector(text) for text in texts]
        with ThreadPoolExecutor(threads, thread_name_prefix="embed") as pool:
            return list(pool.map(self._model.vector, texts))


def load(*, home: Path, path: str = "", threads: int = 1) -> Encoder:
    """Return an encoder: the service's own, prepared in `home`, or the one in the folder `path`.

    `threads` is how many texts `embed` works on at once. Raises EncoderUnavailable.
    """
    if path:
        other = external.open_external(Path(path).expanduser())
        return Encoder(
            name=other.name,
            model=other.model,
            query_prefix=other.query_prefix,
            passage_prefix=other.passage_prefix,
            threads=threads,
        )
    return from_prepared(preparation.prepare(home=home), threads=threads)


def from_prepared(prepared: preparation.Prepared, *, threads: int = 1) -> Encoder:
    """Return the service's own encoder from what `preparation` gave. Raises EncoderUnavailable."""
    model = SentenceModel(
        session=runtime.open_session(prepared.model),
        tokenizer=prepared.tokenizer,
        max_tokens=preparation.MAX_TOKENS,
    )
    return Encoder(name=prepared.name, model=model, threads=threads)


@dataclass(frozen=True)
class Status:
    """Whether this process has an encoder; `name` if so, `reason` (one line) if not."""

    available: bool
    name: str
    reason: str


@dataclass(frozen=True)
class _Loaded:
    key: tuple[int, Path, str]
    encoder: Encoder | None
    reason: str


class _Holder:
    """What this process loaded; a failure stays until the process starts anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def get(self) -> _Loaded:
        settings = conf.settings()
        # A session doesn't survive a fork, hence the process in the key.
        key = (os.getpid(), settings.home, settings.encoder_path)
        loaded = self._loaded
        if loaded is not None and loaded.key == key:
            return loaded
        with self._lock:
            if self._loaded is None or self._loaded.key != key:
                self._loaded = _load(key)
            return self._loaded


def _load(key: tuple[int, Path, str]) -> _Loaded:
    _, home, path = key
    try:
        encoder = load(home=home, path=path)
    except EncoderUnavailable as error:
        logger.error(
            "NO SENTENCE ENCODER: questions are answered from lexical search alone. %s",
            error.reason,
        )
        return _Loaded(key=key, encoder=None, reason=error.reason)
    logger.info("sentence encoder %s loaded (%d dimensions)", encoder.name, encoder.dimensions)
    return _Loaded(key=key, encoder=encoder, reason="")


_holder = _Holder()


def current() -> Encoder | None:
    """Return this process's encoder, loaded on first use, or None where there can't be one."""
    return _holder.get().encoder


def status() -> Status:
    """Return whether this process has an encoder, which, or why not; loads it on first use."""
    loaded = _holder.get()
    if loaded.encoder is None:
        return Status(available=False, name="", reason=loaded.reason)
    return Status(available=True, name=loaded.encoder.name, reason="")


def obstacle(*, home: Path, path: str = "") -> str:
    """Return why no encoder can be prepared, or an empty text; quick, and it builds nothing."""
    if path:
        return external.missing(Path(path).expanduser())
    return preparation.obstacle(home)
