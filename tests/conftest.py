"""Real PostgreSQL for every test, under the application's role.

A template database is made and migrated once a run by the owner. Tests marked `django_db` share a
clone of it and are rolled back; a test that needs several connections (races, other processes)
takes the fixture `own_database`, a fresh clone of its own, because what is governed can't be
flushed. `clock` shifts `kb_clock()`, which only the owner can do.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

# Slow on purpose where it guards people; in tests it would only cost time.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

TEMPLATE = f"touchstone_template_{os.getpid()}"


def _owner_parameters(database: str) -> dict[str, Any]:
    place = settings.DATABASES["owner"]
    return {
        "host": place["HOST"] or None,
        "port": place["PORT"] or None,
        "user": place["USER"],
        "password": place["PASSWORD"],
        "dbname": database,
    }


@contextlib.contextmanager
def owner(database: str) -> Iterator[psycopg.Connection]:
    """A connection of the owning role, in autocommit."""
    with psycopg.connect(**_owner_parameters(database), autocommit=True) as connection:
        yield connection


def _point_at(database: str) -> None:
    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = database
        settings.DATABASES[alias]["NAME"] = database


def _run(statement: str, *names: str) -> None:
    with owner(settings.MAINTENANCE_DATABASE) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _drop(name: str) -> None:
    """Drop a database. Each role ends its own sessions; PostgreSQL itself waits for its workers."""
    for alias in ("default", "owner"):
        place = settings.DATABASES[alias]
        login = {"user": place["USER"], "password": place["PASSWORD"]}
        parameters = {**_owner_parameters(settings.MAINTENANCE_DATABASE), **login}
        with psycopg.connect(**parameters, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND usename = current_user",
                [name],
            )
    _run("DROP DATABASE IF EXISTS {}", name)


@pytest.fixture(scope="session")
def template_database(django_db_blocker: Any) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    original = settings.DATABASES["owner"]["NAME"]
    settings.MAINTENANCE_DATABASE = original
    _drop(TEMPLATE)
    _run("CREATE DATABASE {} TEMPLATE template0", TEMPLATE)
    _point_at(TEMPLATE)
    with django_db_blocker.unblock():
        call_command("prepare_database", verbosity=0)
        connections.close_all()
    yield TEMPLATE
    _point_at(original)
    _drop(TEMPLATE)


@pytest.fixture(scope="session")
def django_db_setup(template_database: str, django_db_blocker: Any) -> Iterator[None]:
    """Clone the template for the tests that are rolled back."""
    name = f"{template_database}_shared"
    _drop(name)
    _run("CREATE DATABASE {} TEMPLATE {}", name, template_database)
    _point_at(name)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    _drop(name)


@pytest.fixture
def own_database(
    template_database: str, django_db_setup: None, django_db_blocker: Any
) -> Iterator[str]:
    """A database of the test's own: commits are real, any number of connections may see them."""
    shared = settings.DATABASES["default"]["NAME"]
    name = f"{template_database}_own"
    _drop(name)
    _run("CREATE DATABASE {} TEMPLATE {}", name, template_database)
    _point_at(name)
    with django_db_blocker.unblock():
        yield name
        connections.close_all()
    _point_at(shared)
    _drop(name)


class Clock:
    """Shifts `kb_clock()` of the current test database."""

    def forward(self, by: timedelta) -> None:
        """Move the clock on by `by`."""
        with owner(settings.DATABASES["default"]["NAME"]) as connection:
            connection.execute("UPDATE kb_clock_shift SET shift = shift + %s", [by])

    def back_to_now(self) -> None:
        """Take every shift away."""
        with owner(settings.DATABASES["default"]["NAME"]) as connection:
            connection.execute("UPDATE kb_clock_shift SET shift = '0'")


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Iterator[Clock]:
    """The test's hand on the clock; it is put back afterwards."""
    hand = Clock()
    yield hand
    hand.back_to_now()


@pytest.fixture
def raw_sql() -> Callable[..., Any]:
    """Run one statement as the application's role; return the first row, if any."""

    def run(statement: str, *values: Any) -> Any:
        with connections["default"].cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchone() if cursor.description else None

    return run
