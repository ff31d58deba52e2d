"""`prepare_database`: the tables as this version of the code wants them, and the roles' rights.

It decides nothing about tables (migrations do) nor rights (kb/models/grants.py does); it waits for
the server, lets one instance work at a time, and does nothing twice. Run by `up` at every start,
and by those who run the service on their own PostgreSQL after each update.
"""

from __future__ import annotations

import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from kb.models.grants import grants_sql

_PATIENCE_S = 30.0
_ONE_AT_A_TIME = 0x70_75_63_68  # the advisory lock's key: nothing else uses it


class Command(BaseCommand):
    """Migrate as the owner, then give the application's role its rights."""

    help = (
        "Wait for PostgreSQL, migrate as the owner role (OWNER_DATABASE_URL) and give the "
        "application's role (DATABASE_URL) its rights. Quick when nothing is to do. Example: "
        "python manage.py prepare_database"
    )

    def handle(self, *, verbosity: int, **_options: Any) -> None:
        """Prepare the database. Raises CommandError when it can't be reached."""
        owner = connections["owner"]
        try:
            _wait_for(owner)
            with owner.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])
            if _has_work(owner):
                call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
            roles = [_role(owner), _role(connections["default"])]
        except OperationalError as error:
            line = str(error).strip().splitlines()[0]
            raise CommandError(f"The database can't be prepared: {line}") from error
        if roles[0] != roles[1]:
            _grant(owner, roles[1])
        owner.close()


def _wait_for(connection: BaseDatabaseWrapper) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.ensure_connection()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _has_work(connection: BaseDatabaseWrapper) -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _role(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def _grant(owner: BaseDatabaseWrapper, app_role: str) -> None:
    """Give the rights in one transaction, so that a running service never lacks them."""
    quote = owner.ops.quote_name
    with transaction.atomic(using="owner"), owner.cursor() as cursor:
        cursor.execute(
            "SELECT current_database(), pg_has_role(datdba, 'USAGE') FROM pg_database"
            " WHERE datname = current_database()"
        )
        database, owns_database = cursor.fetchone()
        if owns_database:
            # Temporary tables would let the application's role stand its own table before a
            # governed one of the same name.
            cursor.execute(f"REVOKE TEMPORARY, CREATE ON DATABASE {quote(database)} FROM PUBLIC")
            cursor.execute(f"GRANT CONNECT ON DATABASE {quote(database)} TO {quote(app_role)}")
        for statement in grants_sql(app_role):
            cursor.execute(statement)
