"""Another sentence encoder, named by KB_ENCODER_PATH: a folder with model.onnx and tokenizer.json.

An optional config.json says `pooling` ("mean" or "cls"), `max_length` (tokens), `query_prefix`
and `passage_prefix`; other keys are ignored. Its name is made from its files, so changed files mean
a new name. It never converts or writes anything. Called by `encoder.load`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.inference import runtime
from kb.inference.errors import EncoderUnavailable
from kb.inference.model import Pooling, SentenceModel

DEFAULT_MAX_TOKENS = 256
_LEAST_TOKENS, _MOST_TOKENS = 8, 8_192
_NAME_CHARACTERS = 40


@dataclass(frozen=True)
class External:
    """An opened encoder with its name and what is put before questions and passages."""

    name: str
    model: SentenceModel
    query_prefix: str
    passage_prefix: str


def missing(folder: Path) -> str:
    """Return why the folder can't be an encoder's, or an empty text; opens nothing."""
    if not folder.is_dir():
        return (
            f"KB_ENCODER_PATH {folder} isn't a folder: name one with model.onnx and tokenizer.json"
        )
    for name in ("model.onnx", "tokenizer.json"):
        if not (folder / name).is_file():
            return f"KB_ENCODER_PATH {folder} holds no {name}"
    return ""


def open_external(folder: Path) -> External:
    """Return the encoder that lies in `folder`. Raises EncoderUnavailable."""
    reason = missing(folder)
    if reason:
        raise EncoderUnavailable(reason)
    try:
        config = _read_config(folder / "config.json")
        name = _name(folder)
        tokenizer = (folder / "tokenizer.json").read_bytes()
        model = SentenceModel(
            session=runtime.open_session(folder / "model.onnx"),
            tokenizer=tokenizer,
            max_tokens=_max_tokens(config),
            pooling=_pooling(config),
        )
    except OSError as error:
        raise EncoderUnavailable(f"{error.filename} can't be read: {error.strerror}") from error
    except EncoderUnavailable as error:
        raise EncoderUnavailable(f"KB_ENCODER_PATH {folder}: {error.reason}") from error
    return External(
        name=name,
        model=model,
        query_prefix=_text(config, "query_prefix"),
        passage_prefix=_text(config, "passage_prefix"),
    )


def _read_config(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise EncoderUnavailable(f"config.json isn't JSON: {error}") from error
    if not isinstance(config, dict):
        raise EncoderUnavailable("config.json isn't an object")
    return config


def _max_tokens(config: dict[str, Any]) -> int:
    value = config.get("max_length", DEFAULT_MAX_TOKENS)
    if type(value) is not int or not _LEAST_TOKENS <= value <= _MOST_TOKENS:
        raise EncoderUnavailable(
            f"max_length in config.json is {value!r}; give a whole number of tokens from "
            f"{_LEAST_TOKENS} to {_MOST_TOKENS}"
        )
    return value


def _pooling(config: dict[str, Any]) -> Pooling:
    match config.get("pooling", "mean"):
        case "mean":
            return "mean"
        case "cls":
            return "cls"
        case other:
            raise EncoderUnavailable(f'pooling in config.json is {other!r}; give "mean" or "cls"')


def _text(config: dict[str, Any], key: str) -> str:
    value = config.get(key, "")
    if not isinstance(value, str):
        raise EncoderUnavailable(f"{key} in config.json is {value!r}; give a text")
    return value


def _name(folder: Path) -> str:
    digest = hashlib.sha256()
    # Large models keep their weights in files beside the graph, by custom called model.onnx_data.
    weights = sorted(folder.glob("model.onnx*"))
    for path in (*weights, folder / "tokenizer.json", folder / "config.json"):
        if path.is_file():
            with path.open("rb") as file:
                part = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name} {part}\n".encode())
    plain = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return f"{plain[:_NAME_CHARACTERS] or 'encoder'}-{digest.hexdigest()[:12]}"
