"""What operators watch, at the root: alive, ready, and figures.

`live` says that this process answers. `ready` says whether it can do its work: database, tables as
this code wants them; and how well: sentence encoder, index. Without an encoder the service is ready
and says loudly that it searches by words alone. None of it shows content, and none needs a key.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from psycopg_pool import PoolTimeout

from kb.api import metrics
from kb.inference import encoder
from kb.search import keeper, manifest, source
from kb.search.errors import IndexUnusableError

GONE = (DatabaseError, InterfaceError, PoolTimeout)
_migrated = {"so": False}


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as this process answers at all; nothing else is asked."""
    return _reply({"status": "live"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if questions can be answered, else 503; say why in both cases."""
    database = _database()
    found = encoder.status()
    sees_meaning = {"state": "ready", "name": found.name}
    words_alone = {
        "state": "missing",
        "warning": "QUESTIONS ARE ANSWERED FROM LEXICAL SEARCH ALONE",
        "reason": found.reason,
    }
    is_ready = database["state"] == "ready"
    body = {
        "status": "ready" if is_ready else "not ready",
        "mode": "words and meaning" if found.available else "words alone",
        "database": database,
        "encoder": sees_meaning if found.available else words_alone,
        "index": _index() if is_ready else {"state": "unknown"},
    }
    return _reply(body, 200 if is_ready else 503)


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Give the figures of all workers in Prometheus' text format."""
    text = metrics.exposition(
        database_up=_database()["state"] != "unreachable", encoder_up=encoder.status().available
    )
    response = HttpResponse(text, content_type=metrics.CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response


def _database() -> dict[str, Any]:
    """Return whether the database can be asked and has the tables that this code wants."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated["so"]:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if missing:
                return {
                    "state": "not migrated",
                    "reason": f"{len(missing)} migrations are missing; run prepare_database",
                }
            _migrated["so"] = True
    except GONE as error:
        return {"state": "unreachable", "reason": type(error).__name__}
    return {"state": "ready"}


def _index() -> dict[str, Any]:
    """Return how far this machine's index is; without one PostgreSQL's own search stands in."""
    try:
        head = source.head()
        held = manifest.read(keeper.keeper_of(head).folder)
    except (IndexUnusableError, OSError) as error:
        return {"state": "missing", "reason": str(error)}
    except GONE as error:
        return {"state": "unknown", "reason": type(error).__name__}
    return {
        "state": "ready",
        "passages": sum(part.rows for part in held.parts),
        "without_vectors": len(held.pending),
        "changes_behind": head.cursor - (held.mark.cursor if held.mark else 0),
    }


def _reply(body: dict[str, Any], status: int = 200) -> HttpResponse:
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response
