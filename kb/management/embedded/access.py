"""The database as its owner reaches it, for the commands that work on it as a whole.

It decides whether a running server is used or the embedded one is started for the while. Called by
the commands `backup` and `restore`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import conninfo, pq

from config.home import load_secrets
from kb.management.embedded.binaries import Binaries, client_binaries
from kb.management.embedded.cluster import running_cluster
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.place import DATABASE, PORT
from kb.management.embedded.processes import StopSignal
from kb.management.embedded.roles import OWNER

_RELATIONS = """
    SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname NOT LIKE 'pg\\_%'
    AND nspname <> 'information_schema'
"""


@dataclass(frozen=True)
class Access:
    """How the owner's client programs connect, and which of them fit the server."""

    target: str
    password: str
    server_version: int
    relations: int
    clients: Binaries

    @property
    def environment(self) -> dict[str, str]:
        """What a client program inherits: the password, which must not stand in its arguments."""
        return {"PGPASSWORD": self.password, "LC_ALL": "C"}


@contextlib.contextmanager
def owner_access(*, stop: StopSignal, say: Callable[[str], None]) -> Iterator[Access]:
    """Yield the owner's access while the block runs, starting the embedded server if it is down.

    Raises CannotRunError when the database can't be reached.
    """
    parameters = _given_parameters()
    with contextlib.ExitStack() as stack:
        try:
            access = _look(parameters)
        except psycopg.OperationalError as error:
            if not settings.EMBEDDED:
                line = str(error).strip().splitlines()[0]
                raise CannotRunError(f"The database can't be reached: {line}") from error
            home = settings.KB_HOME
            secrets = load_secrets(home)
            cluster = stack.enter_context(
                running_cluster(home=home, secrets=secrets, stop=stop, say=say)
            )
            access = _look(
                {
                    "host": str(cluster.place.socket),
                    "port": PORT,
                    "dbname": DATABASE,
                    "user": OWNER,
                    "password": secrets.owner_password,
                }
            )
        yield access


def _given_parameters() -> dict[str, Any]:
    """Return settings' own parameters, less what only Django and psycopg understand."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    given = connections["owner"].get_connection_params()
    return {name: value for name, value in given.items() if name in known and value}


def _look(parameters: dict[str, Any]) -> Access:
    with psycopg.connect(**parameters, autocommit=True) as connection:
        version = connection.info.server_version
        row = connection.execute(_RELATIONS).fetchone()
    open_parameters = {name: value for name, value in parameters.items() if name != "password"}
    return Access(
        target=conninfo.make_conninfo("", **open_parameters),
        password=str(parameters.get("password", "")),
        server_version=version,
        relations=row[0] if row else 0,
        clients=client_binaries(server_major=version // 10_000),
    )
