"""The manifest of an index folder: the one small file that says which files belong to it.

Decides what is current: whoever renames a new manifest into place has published an index, whole.
Never opens the files it names. Called by `kb.search.snapshot` and `kb.search.keeper`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kb.search.errors import IndexUnusableError

FORMAT = 1
"""Raised whenever files are laid out, or words cut, in another way: older indexes are rebuilt."""

NAME = "manifest.json"


@dataclass(frozen=True)
class Mark:
    """The last change that an index has taken in, in full, so that another past is noticed."""

    cursor: int
    kind: str
    at: str
    article_id: int | None
    version_id: int | None


@dataclass(frozen=True)
class PartInfo:
    """A part of the rows. `removed` are the articles whose rows in earlier parts it replaces."""

    name: str
    rows: int
    removed: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Manifest:
    """What is in the folder. `pending`: articles with passages that have no vector yet."""

    source: str
    generation: str
    encoder: str
    dimensions: int
    mark: Mark | None
    parts: list[PartInfo]
    pending: list[int] = field(default_factory=list)
    format: int = FORMAT


def read(folder: Path) -> Manifest:
    """Read the manifest of a folder. Raises IndexUnusableError."""
    path = folder / NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise IndexUnusableError(f"{path} has format {raw['format']} instead of {FORMAT}")
        mark = Mark(**raw.pop("mark")) if raw.get("mark") else None
        parts = [PartInfo(**part) for part in raw.pop("parts")]
        raw.pop("mark", None)
        return Manifest(mark=mark, parts=parts, **raw)
    except FileNotFoundError as error:
        raise IndexUnusableError(f"there is no index in {folder} yet") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise IndexUnusableError(f"{path} is damaged: {error!r}") from error


def write(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in place of the one before, in one step. Raises OSError."""
    temporary = folder / f".{NAME}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    temporary.replace(folder / NAME)
