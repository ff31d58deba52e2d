"""A backup file: one zip that holds the database's dump and the keys it depends on.

It decides the format: `about.json`, `keys.json` (citation keys, the ledger's key) and
`database.dump` (pg_dump's custom format, readable by pg_restore). It never reads settings. Called
by the commands `backup` and `restore`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from kb.management.embedded.access import Access
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.processes import StopSignal

_FORMAT = 1
_DUMP = "database.dump"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Keys:
    """What a restored database needs to verify its own citations and read its own ledger."""

    citation_keys: dict[str, str]
    ledger_key: str


def write_archive(
    *,
    path: Path,
    access: Access,
    keys: Keys,
    made_at: str,
    stop: StopSignal,
    progress: Callable[[int], None],
) -> None:
    """Write a backup to `path`, whole or not at all, readable by its owner only (mode 0600).

    `progress` is told the bytes dumped so far. Raises CannotRunError, StopRequestedError.
    """
    command = [access.clients.tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    about = {"format": _FORMAT, "made_at": made_at, "server_version": access.server_version}
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr("about.json", json.dumps(about))
                archive.writestr("keys.json", json.dumps(asdict(keys)))
                with (
                    archive.open(_DUMP, "w", force_zip64=True) as target,
                    _client(command, access, stdout=subprocess.PIPE) as process,
                ):
                    _copy(process.stdout, target, stop, progress)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise CannotRunError(f"{path} can't be written: {error.strerror or error}.") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def read_keys(path: Path) -> Keys:
    """Return the keys of the backup `path` after checking that all of it is sound.

    Raises CannotRunError for a file that is missing, damaged or no backup.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            about = json.loads(archive.read("about.json"))
            keys = Keys(**json.loads(archive.read("keys.json")))
            archive.getinfo(_DUMP)
    except FileNotFoundError as error:
        raise CannotRunError(f"{path} doesn't exist.") from error
    except OSError as error:
        raise CannotRunError(f"{path} can't be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise CannotRunError(f"{path} is not a Touchstone backup, or is cut off.") from error
    if broken:
        raise CannotRunError(f"{path} is damaged: {broken} inside it fails its checksum.")
    if about.get("format") != _FORMAT:
        raise CannotRunError(f"{path} was made by a newer Touchstone: restore it with that one.")
    return keys


def restore_archive(
    *, path: Path, access: Access, stop: StopSignal, progress: Callable[[int], None]
) -> None:
    """Restore the dump of `path` in one transaction. Raises CannotRunError, StopRequestedError."""
    command = [
        *(access.clients.tool("pg_restore"), "--no-owner", "--no-privileges"),
        *("--exit-on-error", "--single-transaction"),
    ]
    with (
        zipfile.ZipFile(path) as archive,
        archive.open(_DUMP) as source,
        _client(command, access, stdin=subprocess.PIPE) as process,
        contextlib.suppress(BrokenPipeError),  # it ended early and says why itself
    ):
        _copy(source, process.stdin, stop, progress)
        if process.stdin:
            process.stdin.close()


@contextlib.contextmanager
def _client(
    command: Sequence[str], access: Access, *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client program on the database; raise CannotRunError with its words if it fails."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            [*command, f"--dbname={access.target}"],
            env=access.environment,
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout,
            stderr=words,
        )
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            words.seek(0)
            said = words.read().decode("utf-8", "replace").strip().splitlines() or ["?"]
            raise CannotRunError(next((line for line in said if "error:" in line), said[-1]))


def _copy(
    source: IO[bytes] | None,
    target: IO[bytes] | None,
    stop: StopSignal,
    progress: Callable[[int], None],
) -> None:
    if source is None or target is None:
        raise ValueError("both ends must be open")
    done = 0
    while chunk := source.read(_CHUNK_BYTES):
        stop.check()
        target.write(chunk)
        done += len(chunk)
        progress(done)
