"""What a citation leads to: one version for everybody, through the gate like every answer.

A version that governs no longer is named as such, without its text, with a link to what replaced
it. What was never public isn't there. Nothing is kept by caches without asking again, so that what
is revoked is gone from the next request on.
"""

from __future__ import annotations

from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_safe

from kb import conf
from kb.actions import public_pages
from kb.actions.public_pages import Cited
from kb.errors import KbError
from kb.web.frame import problem


@require_safe
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show a version that governs, or say that it doesn't (any more) and what does."""
    try:
        cited = public_pages.cited(slug, number)
    except KbError as error:
        return problem(request, error, None)
    etag = _etag(cited)
    fresh = get_conditional_response(request, etag=etag)
    if fresh is not None:
        return _to_be_asked_again(fresh, etag)
    with timezone.override(conf.settings().zone):
        template = "kb/public.html" if cited.parts else "kb/public_gone.html"
        response = render(request, template, {"cited": cited})
    return _to_be_asked_again(response, etag)


@require_safe
def governing(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead to the version that governs now, in the language that the reader asks for."""
    try:
        number = public_pages.governing_number(slug, _languages(request))
    except KbError as error:
        return problem(request, error, None)
    response = redirect("public_version", slug, number)
    response["Vary"] = "Accept-Language"
    patch_cache_control(response, public=True, max_age=0, must_revalidate=True)
    return response


def _to_be_asked_again(response: HttpResponse, etag: str) -> HttpResponse:
    response["ETag"] = etag
    patch_cache_control(response, public=True, max_age=0, must_revalidate=True)
    return response


def _etag(cited: Cited) -> str:
    """Two answers with the same tag show the same: text, state, times and what replaces it."""
    state = (cited.why, cited.starts_at, cited.ends_at, cited.replaced_by, cited.replaced_by_title)
    words = "\n".join([cited.digest, repr(state), *(part.digest for part in cited.parts)])
    return f'"{sha256(words.encode()).hexdigest()[:32]}"'


def _languages(request: HttpRequest) -> list[str]:
    """Return the language tags that the browser names, best first, without their weights."""
    named = request.headers.get("Accept-Language", "").split(",")[:20]
    return [tag.partition(";")[0].strip().lower() for tag in named if tag.strip()]
