"""KB_HOME: the folder that holds what this installation keeps outside PostgreSQL.

It decides where secrets, the embedded cluster's address, indexes and the encoder lie, and makes
the secrets once. It never reads the environment (settings.py does) and knows no Django.
Called by config/settings.py and by the `up` command.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

SECRETS_FILE = "secrets.json"
DATABASE_FILE = "database.json"


class HomeError(Exception):
    """KB_HOME can't be written or read; the message says which folder and what to do."""


@dataclass(frozen=True)
class Secrets:
    """What must never leave this installation. All values are URL-safe random text."""

    secret_key: str
    ledger_key: str
    citation_keys: dict[str, str]
    superuser_password: str
    owner_password: str
    app_password: str


def load_secrets(home: Path) -> Secrets:
    """Return the installation's secrets, made on first use and kept in mode 0600.

    Two processes that start at once agree: the file is linked into place, and whoever comes second
    reads what the first one wrote. Raises HomeError.
    """
    path = home / SECRETS_FILE
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _link_new(path, _fresh())
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise HomeError(
            f"KB_HOME {home} can't be used ({error.strerror}): "
            "make it writable or set KB_HOME to another folder."
        ) from error
    except (ValueError, TypeError) as error:
        raise HomeError(
            f"{path} is damaged ({error}): restore it from a backup; without it issued citations "
            "can't be verified. Remove it to make new secrets."
        ) from error


def adopt_keys(home: Path, *, citation_keys: dict[str, str], ledger_key: str) -> None:
    """Replace the two keys that a restored database depends on; the other secrets stay.

    Raises HomeError.
    """
    kept = asdict(load_secrets(home))
    text = json.dumps(kept | {"citation_keys": citation_keys, "ledger_key": ledger_key}, indent=1)
    try:
        write_private(home / SECRETS_FILE, text)
    except OSError as error:
        raise HomeError(f"KB_HOME {home} can't be written to ({error.strerror}).") from error


def embedded_database_url(home: Path, role: str) -> str:
    """Return the URL of the embedded cluster for `role` ('app' or 'owner').

    `up` writes the socket folder, port and name to DATABASE_FILE; before the first start a URL is
    still returned (of the default place), so that settings load and the connection error speaks.
    The socket folder stands in the path, not as the host: a host would be lower-cased.
    """
    secrets_ = load_secrets(home)
    place: dict[str, Any] = {"host": str(home / "socket"), "port": 5432, "name": "touchstone"}
    place |= database_address(home)
    password = secrets_.app_password if role == "app" else secrets_.owner_password
    folder = quote(str(place["host"]))
    return f"postgres://touchstone_{role}:{password}@:{place['port']}/{folder}/{place['name']}"


def database_address(home: Path) -> dict[str, Any]:
    """Return what DATABASE_FILE says of the embedded cluster, {} before the first start.

    Keys: host, port, name, and (for `up` alone) folder and home. Raises HomeError.
    """
    path = home / DATABASE_FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise HomeError(f"{path} can't be read ({error}): restore it from a backup.") from error


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` whole or not at all, readable by its owner only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


def _fresh() -> str:
    return json.dumps(
        {
            "secret_key": secrets.token_urlsafe(48),
            "ledger_key": secrets.token_urlsafe(32),
            "citation_keys": {"k1": secrets.token_urlsafe(32)},
            "superuser_password": secrets.token_urlsafe(24),
            "owner_password": secrets.token_urlsafe(24),
            "app_password": secrets.token_urlsafe(24),
        },
        indent=1,
    )


def _link_new(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        Path(path).hardlink_to(temporary)
    except FileExistsError:
        return
    finally:
        Path(temporary).unlink()
