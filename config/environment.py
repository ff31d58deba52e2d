"""Reading the environment so that a value that can't be used ends in one clear line.

Used by config/settings.py alone; the names and defaults stand there and in docs/settings.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")

env = environ.Env()


def read(name: str, what: str, reader: Callable[[], Value], *, secret: bool = False) -> Value:
    """Return what `reader` gives for the variable `name`, or exit saying what it should be.

    The refusal repeats the value unless it is `secret`: what is printed ends up in logs.
    """
    try:
        return reader()
    except (ValueError, TypeError, KeyError, ImproperlyConfigured):
        is_what = "" if secret else f" is {env.str(name, default='')!r}, which"
        sys.exit(f"{name}{is_what} can't be used: write {what}.")


def number(name: str, default: int, *, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`."""

    def reader() -> int:
        value = int(env.int(name, default=default))
        if not low <= value <= high:
            raise ValueError(name)
        return value

    return read(name, f"a whole number from {low} to {high}", reader)


def switch(name: str, *, default: bool) -> bool:
    """Return true or false."""
    return read(name, "true or false", lambda: bool(env.bool(name, default=default)))


def database(name: str, url: str) -> dict[str, Any]:
    """Return the parts of a database URL."""
    what = (
        "a URL such as postgres://role:password@host:5432/name, with special characters of the "
        "password as %40 (@), %2F (/), %23 (#), %3A (:)"
    )

    def reader() -> dict[str, Any]:
        scheme = url.partition("://")[0]
        if "postgresql" not in environ.Env.DB_SCHEMES.get(scheme, ""):
            raise ValueError(name)
        return dict(environ.Env.db_url_config(url))

    return read(name, what, reader, secret=True)
