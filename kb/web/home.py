"""The first page after signing in: what waits for whoever looks, by role."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from kb.actions import catalogue, change_set_desk, desk, registers
from kb.actions.visiting import Visitor
from kb.web.context import THEME_COOKIE, THEMES
from kb.web.frame import page, show

_YEAR_S = 365 * 24 * 3600


@require_safe
@page()
def home(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show drafts, returned versions, the queue, holds, and what time will change soon."""
    context: dict[str, object] = {}
    if visitor.writes:
        context |= {
            "drafts": desk.drafts(visitor),
            "returned": desk.returned(visitor),
            "submitted": desk.submitted(visitor),
        }
    if visitor.approves:
        context |= {
            "queue": desk.queue(visitor, limit=8),
            "sets": change_set_desk.sets(visitor, limit=8),
        }
    if visitor.reads_text:
        context |= {
            "holds": registers.holds(limit=5),
            "scheduled": desk.scheduled(),
            "expiring": desk.expiring(),
            "due": desk.due(),
        }
    if visitor.audits:
        context["events"] = registers.latest_events(8)
    if visitor.administers:
        context["client_count"] = registers.client_count()
    if visitor.reads_library:
        context["governing"] = catalogue.governing_count()
    return show(request, visitor, "kb/home.html", context, place="home")


@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or as the system has it, and go back to where the switch was."""
    wanted, theme = request.POST.get("next", ""), request.POST.get("theme", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    response = redirect(wanted if safe else resolve_url("home"))
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE,
            theme,
            max_age=_YEAR_S,
            samesite="Lax",
            httponly=True,
            secure=request.is_secure(),
        )
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response
