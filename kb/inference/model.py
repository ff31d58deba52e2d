"""One text in, one vector out: tokenizer, ONNX session and pooling of any sentence encoder.

It never batches: a vector depends on its text alone. It knows no files, names or settings;
`encoder` gives it those, and `preparation` uses it to compare a quantised model with its original.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from kb.inference import runtime
from kb.inference.errors import EncoderUnavailable

Vector = npt.NDArray[np.float32]
Pooling = Literal["mean", "cls"]

_KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_POOLED_OUTPUT = "sentence_embedding"
# What a model that isn't a sentence encoder may raise; an odd shape fails in numpy.
_FAILURES: tuple[type[Exception], ...] = (*runtime.RUNTIME_ERRORS, ValueError, IndexError)
# Far more than any token has: what lies beyond in a long text would be cut off anyway.
_CHARACTERS_PER_TOKEN = 64


class SentenceModel:
    """A sentence encoder that is ready to run. Threads may share it."""

    def __init__(
        self,
        *,
        session: onnxruntime.InferenceSession,
        tokenizer: bytes,
        max_tokens: int,
        pooling: Pooling = "mean",
    ) -> None:
        self._session = session
        self._tokenizer = _read_tokenizer(tokenizer, max_tokens)
        self._characters = max_tokens * _CHARACTERS_PER_TOKEN
        self._pooling = pooling
        self._inputs = frozenset(given.name for given in session.get_inputs())
        outputs = [given.name for given in session.get_outputs()]
        self._output = _POOLED_OUTPUT if _POOLED_OUTPUT in outputs else outputs[0]
        self.dimensions = self._probe()

    def vector(self, text: str) -> Vector:
        """Return the text's vector: (dimensions,), float32, of length one."""
        # A lone surrogate can't be UTF-8; it is replaced rather than refused.
        readable = text[: self._characters].encode("utf-8", "replace").decode("utf-8")
        encoding = self._tokenizer.encode(readable)
        ids = np.array([encoding.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(ids)
        wanted = {name: value for name, value in feed.items() if name in self._inputs}
        result = np.asarray(self._session.run([self._output], wanted)[0], dtype=np.float32)[0]
        pooled = result if result.ndim == 1 else self._pool(result)
        return np.asarray(pooled / max(float(np.linalg.norm(pooled)), 1e-12), dtype=np.float32)

    def _pool(self, states: Vector) -> Vector:
        mean: Vector = states.mean(axis=0) if self._pooling == "mean" else states[0]
        return mean

    def _probe(self) -> int:
        unknown = self._inputs - _KNOWN_INPUTS
        if unknown or "input_ids" not in self._inputs:
            raise EncoderUnavailable(
                f"the encoder asks for the inputs {', '.join(sorted(self._inputs))}; "
                f"a sentence encoder takes {', '.join(sorted(_KNOWN_INPUTS))}"
            )
        try:
            vector = self.vector("Can I return this?")
        except _FAILURES as error:
            raise EncoderUnavailable(f"the encoder fails on a plain sentence: {error}") from error
        if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
            raise EncoderUnavailable("the encoder's output isn't one finite vector for a sentence")
        return int(vector.shape[0])


def _read_tokenizer(content: bytes, max_tokens: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_buffer(content)
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
    except Exception as error:  # the library raises Exception itself
        raise EncoderUnavailable(f"the encoder's tokenizer.json can't be used: {error}") from error
    return tokenizer
