"""How a command says no: one clear line on standard error and a non-zero exit, never a traceback.

Decides no rule; it turns what the actions raise into Django's CommandError. Used by the commands
that call one action.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError

from kb.errors import KbError


@contextmanager
def one_line() -> Iterator[None]:
    """Raise CommandError for an error of kb.errors, or for a database that can't be reached."""
    try:
        yield
    except KbError as error:
        raise CommandError(error.detail) from error
    except (OperationalError, InterfaceError) as error:
        line = (str(error).strip().splitlines() or [""])[0]
        raise CommandError(
            f"The database can't be reached ({line}). Is it running? `python manage.py up` starts "
            "the embedded one; otherwise look at DATABASE_URL."
        ) from error


def instant(option: str, text: str | None) -> datetime | None:
    """Return what an option says as an aware instant, None where it isn't given."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"{option} {text!r}: write a time with its zone: 2027-01-01T00:00:00Z")
    return found
