"""Signing in: who somebody is, and how often a wrong answer may be given.

At most MOST_FAILURES wrong passwords for one name from one address within WINDOW; then every try is
refused, a right one too, until the window ends. The count lies in the session table under a keyed
hash, where it is shared by all workers, survives a restart and expires by itself; it never says
whether a name exists. Called by the pages.
"""

from __future__ import annotations

import json
from datetime import timedelta

from django.contrib.auth import authenticate
from django.db import connection
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from kb.actions.work import translated
from kb.errors import TooMany, Unauthenticated
from kb.models import Person

MOST_FAILURES = 10
WINDOW = timedelta(minutes=15)
WRONG = "That name and password don't belong together. Check both, then try again."


def recognise(*, request: HttpRequest, name: str, password: str, address: str) -> Person:
    """Return the active person that name and password belong to.

    Raises TooMany (also for a right password, while too many were wrong) or Unauthenticated, in the
    same words whether the name exists or not.
    """
    key = _key(name, address)
    with translated():
        failures, remaining_s = _failures(key)
        if failures >= MOST_FAILURES:
            raise _too_many(remaining_s)
        person = authenticate(request, username=name, password=password)
        if isinstance(person, Person):
            _forget(key)
            return person
        if _add_failure(key) >= MOST_FAILURES:
            raise _too_many(int(WINDOW.total_seconds()))
    raise Unauthenticated(WRONG, code="wrong_password")


def _too_many(remaining_s: int) -> TooMany:
    minutes = max(1, -(-remaining_s // 60))
    return TooMany(
        f"There were {MOST_FAILURES} wrong tries for this name. For safety no further one is "
        f"looked at for {minutes} minute{'s' if minutes > 1 else ''}; nothing else is affected.",
        retry_after_s=max(1, remaining_s),
        limit=MOST_FAILURES,
    )


def _key(name: str, address: str) -> str:
    """A keyed hash, so that it can't be guessed and presented as a session."""
    words = json.dumps([name.strip().casefold(), address])
    return salted_hmac("touchstone.sign_in", words, algorithm="sha256").hexdigest()[:40]


def _failures(key: str) -> tuple[int, int]:
    """Return how often it failed in the running window, and how many seconds are left of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_data::int, ceil(extract(epoch FROM expire_date - clock_timestamp()))"
            " FROM django_session WHERE session_key = %s AND expire_date > clock_timestamp()",
            [key],
        )
        row = cursor.fetchone()
    return (row[0], int(row[1])) if row else (0, 0)


def _add_failure(key: str) -> int:
    """Count one more in one statement, so that tries at the same time all count."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO django_session AS s (session_key, session_data, expire_date)
               VALUES (%(key)s, '1', clock_timestamp()
                 + make_interval(secs => %(window_s)s))
               ON CONFLICT (session_key) DO UPDATE SET
                 session_data = CASE WHEN s.expire_date > clock_timestamp()
                   THEN (s.session_data::int + 1)::text ELSE '1' END,
                 expire_date = CASE WHEN s.expire_date > clock_timestamp()
                   THEN s.expire_date ELSE excluded.expire_date END
               RETURNING session_data::int""",
            {"key": key, "window_s": WINDOW.total_seconds()},
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _forget(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE session_key = %s", [key])
