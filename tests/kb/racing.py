"""Real races: threads with connections of their own, steered by locks and never by time.

For tests on the fixture `own_database`, where commits are real. Waiting is always for something
(a thread, a lock that PostgreSQL says is waited for), and never longer than PATIENCE_S.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future
from typing import Any

from django.db import connection, connections, transaction

PATIENCE_S = 20.0


def start(work: Callable[[], Any]) -> Future[Any]:
    """Run `work` in a thread with a database connection of its own."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is the test's to judge
            future.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run, daemon=True).start()
    return future


def outcome(future: Future[Any]) -> Any:
    """Return what a thread returned, or the exception that it raised."""
    return future.exception(timeout=PATIENCE_S) or future.result()


def together(*works: Callable[[], Any]) -> list[Any]:
    """Start all at one instant; return the outcome of each, in order."""
    barrier = threading.Barrier(len(works))

    def at_once(work: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            connection.ensure_connection()
            barrier.wait(PATIENCE_S)
            return work()

        return run

    return [outcome(future) for future in [start(at_once(work)) for work in works]]


@contextlib.contextmanager
def uncommitted(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Have `work` done by another session that commits only when the block ends."""
    done, leave = threading.Event(), threading.Event()

    def run() -> Any:
        try:
            with transaction.atomic():
                result = work()
                done.set()
                assert leave.wait(PATIENCE_S), "the test didn't let go"
                return result
        finally:
            done.set()

    future = start(run)
    assert done.wait(PATIENCE_S)
    try:
        yield future
    finally:
        leave.set()
        futures.wait([future], PATIENCE_S)


def until_waiting(sessions: int = 1) -> None:
    """Return once that many sessions of this database wait for a lock that another holds."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
                "WHERE NOT l.granted AND a.datname = current_database()"
            )
            row = cursor.fetchone()
        if row and row[0] >= sessions:
            return
    raise AssertionError(f"{sessions} session(s) never came to wait for a lock")
