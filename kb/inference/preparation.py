"""The service's own encoder: built once per installation from the weights, then only read.

It decides the encoder's name. The name covers weights, tokenizer and recipe, so equal names mean
comparable vectors, on every machine. It checks a fresh build against the float32 original before it
keeps it. Called by `encoder.load`, the system check and the prepare_encoder command.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from kb.inference import graph, runtime, stored, weights
from kb.inference.errors import EncoderUnavailable
from kb.inference.model import SentenceModel

MAX_TOKENS = 256
LEAST_AGREEMENT = 0.99

_MODEL = "all-minilm-l6-v2-int8"
_RECIPE = f"{weights.MODEL_SHA256} {weights.TOKENIZER_SHA256} {graph.RECIPE} {MAX_TOKENS}"
NAME = f"{_MODEL}-{hashlib.sha256(_RECIPE.encode()).hexdigest()[:12]}"

SENTENCES = (
    "Can I still send back shoes that I have worn once?",
    "A refund reaches the card within five working days of our receiving the parcel.",
    "why was i charged twice this month",
    "Premium members are exempt from the fee for a second replacement card.",
    "My father died; who do I send the certificate to so that his account is closed?",
    "Delivery > Delays: a parcel counts as lost 10 days after the promised date.",
    "How long do you keep recordings of calls?",
    "You may cancel until 18:00 on the day before; after that 50 % of the price is kept.",
    "the app says error 4012 when i try to log in with my new phone",
    "Only a manager may waive interest of more than $250, and never twice within a year.",
)


@dataclass(frozen=True)
class Prepared:
    """What is needed to open the encoder. `built` says that it was made just now."""

    name: str
    model: bytes
    tokenizer: bytes
    built: bool


def place(home: Path) -> Path:
    """Return where the built model lies under KB_HOME."""
    return home / "encoder" / f"{NAME}.onnx"


def prepare(*, home: Path, source: weights.Weights | None = None) -> Prepared:
    """Return the encoder's model and tokenizer, building the model if it is missing or damaged.

    Takes about 2 seconds once, 0.1 after that. Processes may call it at once. `source` names other
    files than the installed package's (for tests). Raises EncoderUnavailable.
    """
    found = source or weights.find()
    tokenizer = found.read_tokenizer()
    kept = stored.read(place(home))
    if kept is not None:
        return Prepared(name=NAME, model=kept, tokenizer=tokenizer, built=False)
    tensors = _tensors(found)
    prepared = Prepared(
        name=NAME, model=graph.build(tensors, quantised=True), tokenizer=tokenizer, built=True
    )
    worst = _agreement(prepared, tensors)
    if worst < LEAST_AGREEMENT:
        raise EncoderUnavailable(
            "the quantised encoder differs from its original on this processor "
            f"(cosine {worst:.4f}, at least {LEAST_AGREEMENT} is needed): "
            "set KB_ENCODER_PATH to another ONNX encoder"
        )
    stored.write(place(home), prepared.model)
    return prepared


def agreement(prepared: Prepared, *, source: weights.Weights | None = None) -> float:
    """Return the worst cosine between the quantised model and its float32 original over SENTENCES.

    Takes about a second. Raises EncoderUnavailable if the weights can't be read.
    """
    return _agreement(prepared, _tensors(source or weights.find()))


def obstacle(home: Path, *, source: weights.Weights | None = None) -> str:
    """Return why the encoder can't be prepared, or an empty text; builds and writes nothing."""
    try:
        found = source or weights.find()
        found.read_tokenizer()
        if stored.looks_whole(place(home)):
            return ""
        found.read_model()
    except EncoderUnavailable as error:
        return error.reason
    folder = place(home).parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} can't be written: make it writable or set KB_HOME to another folder"
    return ""


def _tensors(found: weights.Weights) -> graph.Tensors:
    try:
        return load_tensors(found.read_model())
    except SafetensorError as error:
        raise EncoderUnavailable(f"{found.model} can't be read as safetensors: {error}") from error


def _agreement(prepared: Prepared, tensors: graph.Tensors) -> float:
    original = graph.build(tensors, quantised=False)
    ours, theirs = (
        SentenceModel(
            session=runtime.open_session(model),
            tokenizer=prepared.tokenizer,
            max_tokens=MAX_TOKENS,
        )
        for model in (prepared.model, original)
    )
    return min(float(ours.vector(text) @ theirs.vector(text)) for text in SENTENCES)
