"""The service's addresses, and two views to hold it against: plain JSON, and one query."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from kb import gate
from kb.actions import clients


def plain(request: HttpRequest) -> JsonResponse:
    """The floor: Django, its middleware, a little JSON."""
    return JsonResponse({"ok": True})


@csrf_exempt
def one_query(request: HttpRequest) -> JsonResponse:
    """What any governed reply costs at least: the key's check, and one row read."""
    clients.authenticate(request.headers["Authorization"].removeprefix("Bearer "), gate.clock())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kb_clock_shift")
        return JsonResponse({"rows": cursor.fetchone()[0]})


urlpatterns = [
    path("bench/plain", plain),
    path("bench/one-query", one_query),
    path("", include("config.urls")),
]
