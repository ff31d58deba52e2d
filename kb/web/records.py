"""The clients for administrators: read only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from kb.actions import registers
from kb.actions.visiting import Visitor
from kb.models import Role
from kb.web.frame import page, show


@require_safe
@page(Role.ADMINISTRATOR)
def clients(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List who asks, with what each may be told."""
    context = {"clients": registers.clients()}
    return show(request, visitor, "kb/clients.html", context, place="clients")
