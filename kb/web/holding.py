"""Holds: what is out of service, placing one, lifting one."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from kb.actions import holding, naming, registers
from kb.actions.visiting import Visitor
from kb.models import Role
from kb.web.forms import attempt
from kb.web.frame import page, show

READERS = (Role.EDITOR, Role.APPROVER, Role.AUDITOR)


class HoldForm(forms.Form):
    """What is held, and why."""

    kind = forms.ChoiceField(label="What", choices=[(k, k.capitalize()) for k in holding.TARGETS])
    target = forms.CharField(
        label="Which",
        max_length=200,
        help_text="An article's address, slug:number for a version, a passage's digest, a fact's "
        "key or a journey's name.",
    )
    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        help_text="Whoever lifts it reads this.",
        error_messages={"required": "Say why; whoever lifts the hold reads it."},
        widget=forms.Textarea({"rows": 3}),
    )


class LiftForm(forms.Form):
    """What changed, so that it may be served again."""

    reason = forms.CharField(
        label="What changed",
        max_length=2000,
        error_messages={"required": "Say what changed, so that it may be served again."},
        widget=forms.Textarea({"rows": 3}),
    )


@require_safe
@page(*READERS)
def holds(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List the holds that stand, or those that were lifted."""
    lifted = request.GET.get("lifted") == "1"
    before = request.GET.get("before", "")
    found = registers.holds(
        lifted=lifted,
        before=int(before) if before.isdecimal() and len(before) < 18 else None,
        limit=51,
    )
    context = {
        "holds": found[:50],
        "lifted": lifted,
        "next": found[49].hold.pk if len(found) > 50 else None,
    }
    return show(request, visitor, "kb/holds.html", context, place="holds")


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.EDITOR, Role.APPROVER)
def place(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Take something out of service at once."""
    given = {name: request.GET.get(name, "")[:200] for name in ("kind", "target")}
    form = HoldForm(request.POST) if request.method == "POST" else HoldForm(initial=given)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        done = attempt(
            form,
            lambda: holding.place_hold(
                actor=visitor.actor,
                kind=wanted["kind"],
                target=naming.hold_target(wanted["kind"], wanted["target"]),
                reason=wanted["reason"],
            ),
        )
        if done:
            messages.success(request, "On hold: from this moment nobody is told any of it.")
            return redirect("holds")
    context = {
        "form": form,
        "title": "Place a hold",
        "consequence": "Bots and agents stop being told it at once. Nothing lifts it by itself: an "
        "approver who didn't write the fix does.",
        "button": "Hold it now",
        "grave": True,
        "back": reverse("holds"),
    }
    status = 422 if form.errors else 200
    return show(request, visitor, "kb/act.html", context, place="holds", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.APPROVER)
def lift(request: HttpRequest, visitor: Visitor, hold_id: int) -> HttpResponse:
    """Put what was held back into service, for a reason."""
    held = registers.hold(hold_id)
    form = LiftForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = attempt(
            form,
            lambda: holding.lift_hold(
                actor=visitor.actor, hold_id=hold_id, reason=form.cleaned_data["reason"]
            ),
        )
        if done:
            messages.success(
                request, "Lifted: what governs of it is served again.", extra_tags="good"
            )
            return redirect("holds")
    context = {
        "form": form,
        "title": f"Lift the hold on {held.words}",
        "consequence": f"It was held for this reason: “{held.hold.reason}”",
        "consequences": ["What governs of it is served again from this moment."],
        "button": "Lift the hold",
        "back": reverse("holds"),
    }
    status = 409 if form.errors else 200
    return show(request, visitor, "kb/act.html", context, place="holds", status=status)
