"""What is looked at before anything starts, so that a refusal is one clear line.

It decides nothing lasting and leaves nothing behind. Called by the command `up`.
"""

from __future__ import annotations

import errno
import socket
import tempfile
from pathlib import Path

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

from kb.management.embedded.errors import CannotRunError

OLDEST_SERVER = 150_000


def check_home(home: Path) -> None:
    """Raise CannotRunError unless a file can be written in `home`."""
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise CannotRunError(
            f"KB_HOME {home} can't be written to ({error.strerror}): "
            "make it writable or set KB_HOME to another folder."
        ) from error


def check_port(*, host: str, port: int) -> None:
    """Raise CannotRunError unless this process could listen on `host`:`port`."""
    if not 1 <= port <= 65_535:
        raise CannotRunError(f"PORT {port} is no port: set it between 1 and 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        why = {
            errno.EADDRINUSE: "is taken by another program: stop it, or set PORT to another number",
            errno.EACCES: "needs more rights than this account has: set PORT to 1024 or above",
            errno.EADDRNOTAVAIL: "is no address of this machine: set HOST to one, or to 127.0.0.1",
        }.get(error.errno or 0, f"can't be listened on ({error.strerror or error}): set HOST, PORT")
        raise CannotRunError(f"{host}:{port} {why}.") from error


def check_database(alias: str) -> None:
    """Raise CannotRunError unless the given PostgreSQL answers and is new enough."""
    connection = connections[alias]
    variable = "DATABASE_URL" if alias == "default" else "OWNER_DATABASE_URL"
    given = connection.settings_dict
    place = f"{given['HOST']}:{given['PORT'] or 5432}/{given['NAME']}"
    try:
        connection.ensure_connection()
        version = connection.connection.info.server_version
    except (OperationalError, psycopg.Error, ImproperlyConfigured, UnicodeError) as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
        raise CannotRunError(
            f"The PostgreSQL at {place} can't be reached: {reason}. Check {variable}, or unset "
            "it to use the embedded one."
        ) from error
    finally:
        connection.close()
    if version < OLDEST_SERVER:
        raise CannotRunError(
            f"The PostgreSQL at {place} is version {version // 10_000}: 15 or newer is needed."
        )
