"""System checks that speak at start: what weakens the service must be said loudly, with a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, ProgrammingError, connections

from kb.inference import checks as encoder_checks


@register(Tags.database)
def clock_is_not_shifted(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """kb.E001: the gate's clock must be the real one outside tests and the starter's loading."""
    if not databases or "default" not in databases:
        return []
    row = _first("SELECT shift <> '0', shift::text FROM kb_clock_shift")
    if row is None or not row[0]:
        return []
    return [
        Error(
            f"kb_clock() is shifted by {row[1]}: expiry, holds and signatures would be wrong.",
            hint="As the owner role: UPDATE kb_clock_shift SET shift = '0'.",
            id="kb.E001",
        )
    ]


@register(Tags.database)
def the_application_owns_nothing(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """kb.W002: where one role migrates and serves, it could disable the database's own rules."""
    if not databases or "default" not in databases:
        return []
    row = _first(
        "SELECT tableowner = current_user FROM pg_tables "
        "WHERE schemaname = 'public' AND tablename = 'kb_version'"
    )
    if row is None or not row[0]:
        return []
    return [
        Warning(
            "The application's role owns the tables: it could disable the triggers that refuse "
            "ungoverned text, and TRUNCATE what they guard.",
            hint="Set OWNER_DATABASE_URL to a role that migrates, and DATABASE_URL to one that "
            "owns nothing; docs/operating.md shows how.",
            id="kb.W002",
        )
    ]


def register_all() -> None:
    """Register the checks of other packages; those above register themselves."""
    encoder_checks.register()


def _first(sql: str) -> tuple[Any, ...] | None:
    """Return the first row, or None where the database or the table isn't there yet."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(sql)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
    except (OperationalError, ProgrammingError):
        return None
