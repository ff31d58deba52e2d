"""What every page has in common: who looks, in which time zone, and what an error looks like.

`page` turns a function of a request and a visitor into a view: signed in or sent to the sign-in
page, errors of `kb.errors` shown as pages, nothing kept by shared caches. `show` renders a
template within the frame. Nothing here decides who may see what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control

from kb import conf
from kb.actions import change_set_desk, desk, visiting
from kb.actions.visiting import Visitor
from kb.errors import KbError, TooMany
from kb.models import Person, Role, Version

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Visitor, P], HttpResponse]


@dataclass(frozen=True)
class Link:
    """An entry of the rail: the name of its address, its word, and how much waits there for me."""

    name: str
    word: str
    count: int = 0


_TITLES = {
    400: "This can't be read",
    403: "This isn't yours to do",
    404: "There is nothing here for you",
    409: "This can't be done now",
    422: "Something needs correcting",
    429: "Too many tries",
    503: "The knowledge base can't be asked right now",
}


def page(*roles: Role) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Make a view for people who are signed in and, if any are named, hold one of `roles`."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def served(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not isinstance(request.user, Person):
                return redirect_to_login(request.get_full_path())
            visitor = visiting.visitor(request.user)
            with timezone.override(conf.settings().zone):
                try:
                    if roles:
                        visitor.require(*roles)
                    response = view(request, visitor, *args, **kwargs)
                except KbError as error:
                    response = problem(request, error, visitor)
            patch_cache_control(response, private=True, no_cache=True)
            return response

        return served

    return decorate


def show(
    request: HttpRequest,
    visitor: Visitor,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    place: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render `template` within the frame: the rail (at `place`), what waits, who is signed in."""
    frame = {
        "visitor": visitor,
        "rail": rail(visitor),
        "place": place,
        "zone": conf.settings().time_zone,
    }
    return render(request, template, {**frame, **(context or {})}, status=status)


def rail(visitor: Visitor) -> list[Link]:
    """Return the places that the visitor's roles have something to do in."""
    links = [Link("home", "Home")]
    if visitor.reads_library:
        links.append(Link("library", "Library"))
    if visitor.writes:
        waiting = desk.waiting(visitor) + change_set_desk.waiting(visitor)
        links.append(Link("review_queue", "Review", waiting))
    if visitor.reads_text:
        links += [Link("holds", "Holds"), Link("facts", "Facts")]
    if visitor.audits:
        links.append(Link("audit", "Audit"))
    if visitor.administers:
        links.append(Link("clients", "Clients"))
    return links


def version_url(version: Version) -> str:
    """Return where a version is read: under its number, or as a draft that has none yet."""
    if version.number is not None:
        return reverse("numbered_version", args=[version.article.slug, version.number])
    return reverse("draft", args=[version.article.slug, version.pk])


def problem(request: HttpRequest, error: KbError, visitor: Visitor | None) -> HttpResponse:
    """Render an error as a page: what happened, what to do, and a reference to quote."""
    context = {
        "title": _TITLES.get(error.status, "Something went wrong"),
        "detail": error.detail if hasattr(error, "detail") else str(error),
        "code": error.code,
    }
    if visitor is None or error.status == 503:
        response = render(request, "kb/problem.html", context, status=error.status)
    else:
        response = show(request, visitor, "kb/problem.html", context, status=error.status)
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.retry_after_s)
    return response
