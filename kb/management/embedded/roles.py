"""The roles and the database inside the embedded cluster.

It decides what each role is: `touchstone_owner` owns the database and migrates it,
`touchstone_app` serves and owns nothing, `postgres` is used by this module alone. What the
application's role may do to tables is not decided here (kb/models/grants.py says it). Called by
cluster.py at every start, because KB_HOME's secrets may have been replaced in between.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from config.home import Secrets
from kb.management.embedded.binaries import Binaries
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.place import DATABASE, PORT, Place

SUPERUSER = "postgres"
OWNER = "touchstone_owner"
APP = "touchstone_app"


def connect(
    *, place: Place, role: str, password: str, database: str = "postgres"
) -> psycopg.Connection:
    """Return an autocommitting connection over the socket. Raises psycopg.OperationalError."""
    return psycopg.connect(
        host=str(place.socket),
        port=PORT,
        user=role,
        password=password,
        dbname=database,
        autocommit=True,
        connect_timeout=10,
        application_name="touchstone up",
    )


def ensure_roles(*, place: Place, secrets: Secrets) -> None:
    """Make the two roles and the database if missing, and set passwords that don't fit any more."""
    with connect(place=place, role=SUPERUSER, password=secrets.superuser_password) as connection:
        wanted = (
            (OWNER, secrets.owner_password, "CREATEDB"),
            (APP, secrets.app_password, "NOCREATEDB"),
        )
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, password, right in wanted:
            verb = "ALTER" if role in known else "CREATE"
            if verb == "CREATE" or not _signs_in(place, role, password):
                connection.execute(
                    sql.SQL(
                        verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEROLE " + right + " PASSWORD {}"
                    ).format(sql.Identifier(role), sql.Literal(password))
                )
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            # Temporary tables would let the application's role stand its own table before a
            # governed one of the same name.
            for statement in (
                f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
                f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
                f"GRANT CONNECT ON DATABASE {DATABASE} TO {APP}",
            ):
                connection.execute(sql.SQL(statement))


def reset_superuser(*, place: Place, binaries: Binaries, secrets: Secrets) -> None:
    """Give the stopped cluster's superuser the password that KB_HOME's secrets hold now.

    Needed once after secrets.json was lost and made anew. Raises CannotRunError.
    """
    password = sql.Literal(secrets.superuser_password).as_string(None)
    account = place.account
    done = subprocess.run(
        [binaries.tool("postgres"), "--single", "-D", str(place.data), "postgres"],
        input=f"ALTER ROLE {SUPERUSER} PASSWORD {password}\n",
        env={"LC_ALL": "C"},
        cwd=Path("/"),
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotRunError(f"The database's superuser password can't be set anew: {said}")


def _signs_in(place: Place, role: str, password: str) -> bool:
    try:
        connect(place=place, role=role, password=password).close()
    except psycopg.OperationalError:
        return False
    return True
