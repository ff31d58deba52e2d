"""Signing in and out, and confirming who one is before a signature.

The time of authentication is the service's clock, kept in the session: a signature asks for the
password again once it is older than `policies.approval` allows. Whether it counts is decided there
and by the database, never here.
"""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from kb import gate
from kb.actions import signing_in
from kb.actions.reviewing import Signature
from kb.actions.visiting import Visitor
from kb.errors import KbError, TooMany
from policies.approval import AUTHENTICATION_MAX_AGE

AUTHENTICATED_AT = "authenticated_at"
AUTHENTICATED_BY = "authenticated_by"


class SignInForm(forms.Form):
    """Name and password."""

    name = forms.CharField(
        label="Name",
        max_length=150,
        error_messages={"required": "Write your name."},
        widget=forms.TextInput({"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        max_length=4096,
        strip=False,
        error_messages={"required": "Write your password."},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Ask for name and password; on success go where the visitor was going."""
    then = _next(request)
    if request.user.is_authenticated:
        return redirect(then)
    form = SignInForm(request.POST if request.method == "POST" else None)
    status, retry_after_s = 200, 0
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                _enter(request, form.cleaned_data["name"], form.cleaned_data["password"])
            except TooMany as error:
                form.add_error(None, str(error))
                status, retry_after_s = error.status, error.retry_after_s
            except KbError as error:
                form.add_error(None, str(error))
            else:
                return redirect(then)
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    response = render(request, "kb/sign_in.html", context, status=status)
    if retry_after_s:
        response["Retry-After"] = str(retry_after_s)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect("sign_in")


def is_fresh(request: HttpRequest) -> bool:
    """Say whether a signature made now would need no password; a page asks for one otherwise."""
    at = signature(request).authenticated_at
    return at is not None and gate.clock() - at < AUTHENTICATION_MAX_AGE


def signature(request: HttpRequest) -> Signature:
    """Return how and when the visitor proved who they are in this session."""
    at = request.session.get(AUTHENTICATED_AT)
    return Signature(
        method=request.session.get(AUTHENTICATED_BY, ""),
        authenticated_at=datetime.fromisoformat(at) if at else None,
    )


def confirm(request: HttpRequest, visitor: Visitor, password: str) -> None:
    """Take the visitor's password once more; the session's time of authentication is now.

    Raises Unauthenticated or TooMany; wrong ones count as wrong sign-ins do.
    """
    signing_in.recognise(
        request=request,
        name=visitor.person.get_username(),
        password=password,
        address=_address(request),
    )
    request.session.cycle_key()
    _stamp(request)


def _enter(request: HttpRequest, name: str, password: str) -> None:
    person = signing_in.recognise(
        request=request, name=name, password=password, address=_address(request)
    )
    login(request, person)  # gives the session a new key
    _stamp(request)


def _stamp(request: HttpRequest) -> None:
    request.session[AUTHENTICATED_AT] = gate.clock().isoformat()
    request.session[AUTHENTICATED_BY] = "password"


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if allowed else resolve_url("home")
