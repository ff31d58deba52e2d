"""The file of an import: its raw records one after the other, each with its place.

Decides what can be read at all (encoding, JSON, YAML) and says where it can't. Never judges what a
record says: `records` does. Nothing of a file is held but the record at hand. Called by
`run`, the starter, and whoever checks a file without storing it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

from kb.actions.importing import front_matter
from kb.errors import Invalid

LONGEST_LINE = 64 * 1024 * 1024
_BLOCK = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LIST_SAYS = "is a JSON list; write one JSON object a line, without list and commas"
_UTF16_SAYS = "is written in UTF-16; save it as UTF-8"
_MARKDOWN = {".md", ".markdown"}


@dataclass(frozen=True)
class Place:
    """Where something stands: the file as the operator knows it, and the line, from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class Refusal:
    """Why a record, or a file, can't be taken.

    `external_id` is the record's, where it has one, and `record` where it begins. `fatal`: what
    follows in the file can't be read.
    """

    place: Place
    field: str
    reason: str
    external_id: str | None = None
    record: Place | None = None
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.field}: {self.reason}"


@dataclass(frozen=True)
class Raw:
    """One record as it was written. `lines` says where each field stands, if not at `place`."""

    place: Place
    fields: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)


class Source(Protocol):
    """Records that can be read more than once; `digest` is the same as long as they are."""

    @property
    def name(self) -> str:
        """How messages and the run call it."""

    def digest(self) -> str:
        """Return the SHA-256 over all that is read."""

    def __iter__(self) -> Iterator[Raw | Refusal]:
        """Yield the records in order, or why one can't be read."""


def open_source(path: Path, form: str | None = None) -> Source:
    """Return the file or folder at `path` as records; `form` is jsonl, markdown, or None to tell.

    Raises Invalid (field `path`) where there is nothing to read.
    """
    if not path.exists():
        raise Invalid(
            {"path": f"there is no {path}; name a JSONL file or a folder of Markdown files"}
        )
    if not path.is_dir() and not path.is_file():
        raise Invalid({"path": f"{path} is no file; an import reads its file more than once"})
    if not os.access(path, os.R_OK):
        raise Invalid({"path": f"{path} can't be read; check its permissions"})
    if (form or _form_of(path)) == "markdown":
        return MarkdownFiles(path)
    if path.is_dir():
        raise Invalid({"path": f"{path} is a folder; name a file, or say --format markdown"})
    return JsonLines(path)


def _form_of(path: Path) -> str:
    return "markdown" if path.is_dir() or path.suffix.lower() in _MARKDOWN else "jsonl"


class JsonLines:
    """A file with a JSON object a line. A byte order mark, CRLF and empty lines are harmless."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = _shown(path.name)

    def digest(self) -> str:
        """Return the SHA-256 of the file."""
        return _digest_of([self._path])

    def __iter__(self) -> Iterator[Raw | Refusal]:
        """Yield the records; a file that is no JSONL at all yields one refusal and ends."""
        with self._path.open("rb") as file:
            for number, line in enumerate(_lines(file), start=1):
                place = Place(self.name, number)
                if number == 1 and line[:2] in _UTF16:
                    yield Refusal(place, "file", _UTF16_SAYS, fatal=True)
                    return
                content = line.removeprefix(_BOM) if number == 1 else line
                if not content.strip():
                    continue
                read = _read_line(place, content)
                yield read
                if isinstance(read, Refusal) and read.fatal:
                    return


class MarkdownFiles:
    """A folder of Markdown files with YAML front matter, in the order of their paths; or one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = _shown(path.name or str(path))

    def digest(self) -> str:
        """Return the SHA-256 over the paths and contents of the files."""
        return _digest_of(self._files(), named_from=self._path)

    def __iter__(self) -> Iterator[Raw | Refusal]:
        """Yield a record a file."""
        for path in self._files():
            name = path.relative_to(self._path).as_posix() if path != self._path else path.name
            yield read_markdown(path, _shown(name))

    def _files(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        found: list[Path] = []
        for folder, inner, names in os.walk(self._path, onerror=_raise):
            inner[:] = [name for name in inner if not name.startswith(".")]
            found += [
                Path(folder, name)
                for name in names
                if Path(name).suffix.lower() in _MARKDOWN and not name.startswith(".")
            ]
        return sorted(found, key=lambda path: path.as_posix())


@dataclass(frozen=True)
class Given:
    """Records that somebody has read or made already."""

    name: str
    records: Sequence[Raw | Refusal]

    def digest(self) -> str:
        """Return the SHA-256 over the records."""
        words = json.dumps(
            [[str(r.place), getattr(r, "fields", str(r))] for r in self.records], default=str
        )
        return hashlib.sha256(words.encode()).hexdigest()

    def __iter__(self) -> Iterator[Raw | Refusal]:
        """Yield them."""
        return iter(self.records)


def read_markdown(path: Path, name: str) -> Raw | Refusal:
    """Read one Markdown file with front matter; `name` is how messages call it."""
    if path.stat().st_size > LONGEST_LINE:
        return Refusal(Place(name, 1), "body", _too_long(path.stat().st_size))
    data = path.read_bytes().removeprefix(_BOM)
    if data[:2] in _UTF16:
        return Refusal(Place(name, 1), "file", _UTF16_SAYS)
    text = _decoded(data)
    if isinstance(text, _NotUtf8):
        return Refusal(Place(name, data.count(b"\n", 0, text.at) + 1), "file", text.reason)
    try:
        fields, lines = front_matter.read(text)
    except front_matter.UnreadableError as error:
        return Refusal(Place(name, error.line), error.field, error.reason)
    return Raw(Place(name, 1), fields, lines)


@dataclass(frozen=True)
class _NotUtf8:
    at: int
    reason: str


def _decoded(data: bytes) -> str | _NotUtf8:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        wrong = data[error.start : error.start + 1].hex()
        return _NotUtf8(
            error.start,
            f"isn't UTF-8 (byte 0x{wrong} at position {error.start + 1}); save it as UTF-8",
        )


def _shown(name: str) -> str:
    """Return a file's name as text: the bytes of one may be anything."""
    return os.fsencode(name).decode("utf-8", "replace")


def _raise(error: OSError) -> NoReturn:
    """A folder that can't be read isn't an empty one."""
    raise error


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines; of one that is beyond reading only its beginning, a byte too long."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_BLOCK)) and not rest.endswith(b"\n"):
                pass
        yield line


def _read_line(place: Place, line: bytes) -> Raw | Refusal:
    if len(line) > LONGEST_LINE:
        return Refusal(place, "record", _too_long(len(line)))
    text = _decoded(line)
    if isinstance(text, _NotUtf8):
        return Refusal(place, "record", text.reason)
    try:
        return _record(place, _DECODER.decode(text.strip()))
    except RecursionError:
        return Refusal(place, "record", "is nested too deeply; a record is a flat object")
    except ValueError as error:
        return _not_json(place, text.strip(), error)


def _record(place: Place, value: object) -> Raw | Refusal:
    if isinstance(value, dict):
        return Raw(place, value)
    if isinstance(value, list):
        return Refusal(place, "file", _LIST_SAYS, fatal=True)
    return Refusal(place, "record", 'isn\'t a JSON object; write {"id": …, "title": …, "body": …}')


def _not_json(place: Place, text: str, error: ValueError) -> Refusal:
    if text.startswith("["):
        return Refusal(place, "file", _LIST_SAYS, fatal=True)
    if text == "{":
        why = "spreads a record over several lines; write each JSON object on one line"
        return Refusal(place, "file", why, fatal=True)
    if place.line == 1 and text.startswith("---"):
        why = "isn't JSONL but looks like Markdown; say --format markdown"
        return Refusal(place, "file", why, fatal=True)
    where = f" (column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
    what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return Refusal(place, "record", f"isn't JSON: {what}{where}; write one JSON object a line")


def _too_long(size: int) -> str:
    return (
        f"has {size / 1024 / 1024:,.0f} MB; at most {LONGEST_LINE // 1024 // 1024} are read. "
        "Split it into articles of one topic each"
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice!r} stands in it twice")
    return result


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_constant=_no_number
)


def _digest_of(paths: Sequence[Path], *, named_from: Path | None = None) -> str:
    total = hashlib.sha256()
    for path in paths:
        one = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                one.update(block)
        if named_from is not None:
            total.update(os.fsencode(path.relative_to(named_from).as_posix()) + b"\n")
        total.update(one.digest())
    return total.hexdigest()
