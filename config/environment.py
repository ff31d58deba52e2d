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


def read(name: str, what: str, reader: Callable[[], Value]) -> Value:
    """Return what `reader` gives for the variable `name`, or exit saying what it should be."""
    try:
        return reader()
    except (ValueError, TypeError, KeyError, ImproperlyConfigured):
        raw = env.str(name, default="")
        sys.exit(f"{name} is {raw!r}, which can't be used: write {what}.")


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
    what = "a URL such as postgres://role:password@host:5432/name"

    def reader() -> dict[str, Any]:
        parts = dict(environ.Env.db_url_config(url))
        if "postgresql" not in str(parts.get("ENGINE")):
            raise ValueError(name)
        return parts

    return read(name, what, reader)
