"""Vectors at hand: those of recent questions, and those kept as bytes in PostgreSQL.

Question vectors are kept by a digest of the text, so no customer's words stay in memory for it.
Called by kb/search (questions, scans) and kb/actions (passages).
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kb.inference import encoder, runtime

logger = logging.getLogger("kb.inference")

Vector = npt.NDArray[np.float32]

QUESTIONS_KEPT = 20_000
_BYTES_PER_NUMBER = 2


class QuestionVectors:
    """The vectors of the questions asked last, at most `capacity`. Threads may share it."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._vectors: OrderedDict[bytes, Vector] = OrderedDict()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, using: encoder.Encoder, text: str) -> Vector:
        """Return the question's vector (read-only), computed if it isn't kept."""
        content = f"{using.name}\n{text}".encode("utf-8", "replace")
        key = hashlib.blake2b(content, digest_size=16).digest()
        with self._lock:
            kept = self._vectors.get(key)
            if kept is not None:
                self._vectors.move_to_end(key)
                return kept
        vector = using.embed_one(text)
        vector.setflags(write=False)
        with self._lock:
            self._vectors[key] = vector
            while len(self._vectors) > self._capacity:
                self._vectors.popitem(last=False)
        return vector


_questions = QuestionVectors(capacity=QUESTIONS_KEPT)


def question_vector(text: str) -> Vector | None:
    """Return the question's vector: (dimensions,), float32, read-only; None without an encoder.

    A failure of the runtime is logged and gives None too: words alone still find candidates.
    """
    using = encoder.current()
    if using is None:
        return None
    try:
        return _questions.get(using, text)
    except runtime.RUNTIME_ERRORS:
        logger.exception("the sentence encoder failed; this question is searched by words alone")
        return None


def pack(vector: Vector) -> bytes:
    """Return a vector as bytes: little-endian float16, two bytes a number."""
    return np.ascontiguousarray(vector, dtype="<f2").tobytes()


def unpack(data: bytes, dims: int) -> Vector:
    """Return the vector kept in `data`: (dims,), float32. Raises ValueError on another length."""
    vector: Vector = unpack_all([data], dims)[0]
    return vector


def unpack_all(rows: Sequence[bytes], dims: int) -> Vector:
    """Return the vectors kept in `rows`: (n, dims), float32. Raises ValueError on other lengths."""
    expected = dims * _BYTES_PER_NUMBER
    for number, row in enumerate(rows):
        if len(row) != expected:
            raise ValueError(
                f"vector {number} holds {len(row)} bytes; {dims} dimensions take {expected}: "
                "it was made by another encoder, embed its text again"
            )
    flat = np.frombuffer(b"".join(rows), dtype="<f2")
    return flat.reshape(len(rows), dims).astype(np.float32)
