"""The built model on disk: written whole or not at all, and believed only if its hash still fits.

`NAME.onnx` lies beside `NAME.json`, which holds its size and SHA-256. Two processes that write at
once put the same bytes in place, each by a rename. It never decides what to build. Called by
`preparation`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from kb.inference.errors import EncoderUnavailable


@dataclass(frozen=True)
class _Seal:
    size: int
    sha256: str


def read(path: Path) -> bytes | None:
    """Return the model's bytes, or None where it is missing or isn't what was written."""
    seal = _read_seal(path)
    if seal is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        # Unreadable is as good as absent: it is built again, and writing says what is wrong.
        return None
    return data if _seal(data) == seal else None


def looks_whole(path: Path) -> bool:
    """Say whether the file has the size it was written with: cheap, for a check at start."""
    seal = _read_seal(path)
    try:
        return seal is not None and path.stat().st_size == seal.size
    except OSError:
        return False


def write(path: Path, data: bytes) -> None:
    """Put `data` and its seal in place of whatever is there. Raises EncoderUnavailable."""
    seal = json.dumps(asdict(_seal(data))).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
        _replace(path.with_suffix(".json"), seal)
    except OSError as error:
        raise EncoderUnavailable(
            f"{path.parent} can't be written ({error.strerror}): make it writable, free some space "
            "(30 MB) or set KB_HOME to another folder"
        ) from error


def _seal(data: bytes) -> _Seal:
    return _Seal(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _read_seal(path: Path) -> _Seal | None:
    try:
        return _Seal(**json.loads(path.with_suffix(".json").read_bytes()))
    except (OSError, ValueError, TypeError):
        # Missing or damaged: the model beside it can't be believed, and is built again.
        return None


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # No secret: another account that shares the folder may read it instead of building its own.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
