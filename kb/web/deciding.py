"""Deciding: the review queue, approving or returning a version, retiring and verifying.

What is signed is what is shown: the page posts the digest it was rendered from. An author is never
offered to approve their own work, and the action refuses it all the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from kb import access, gate
from kb.actions import change_set_desk, desk, dossier, publishing, reviewing
from kb.actions.visiting import Visitor
from kb.errors import Invalid, KbError, StaleAuthentication
from kb.models import Role, Version
from kb.web import changes, entering, words
from kb.web.forms import SignatureForm, attempt, refused
from kb.web.frame import page, show, version_url
from policies.approval import approvals_needed

READERS = (Role.EDITOR, Role.APPROVER, Role.AUDITOR)
_WEEK = timedelta(days=7)


class DecisionForm(SignatureForm):
    """Approve or return, on the digest that was shown."""

    digest = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        needed = "Needed to return it: the author reads only this."
        super().__init__(*args, comment_needed=needed, **kwargs)


@require_safe
@page(Role.EDITOR, Role.APPROVER)
def queue(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List what is in review, high risk first, then the oldest."""
    context = {"queue": desk.queue(visitor, limit=200), "sets": change_set_desk.sets(visitor)}
    return show(request, visitor, "kb/queue.html", context, place="review_queue")


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@page(*READERS)
def review(request: HttpRequest, visitor: Visitor, version_id: int) -> HttpResponse:
    """Show a version in review beside what governs, and take the decision on it."""
    version = access.version(visitor.person, version_id)
    if version.change_set_id is not None:
        return redirect("change_set", version.change_set_id)
    if version.state != "in_review" and request.method != "POST":
        return redirect(version_url(version))
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = _decide(request, visitor, version, form)
        if done is not None:
            return done
        version = access.version(visitor.person, version_id)
    elif request.method != "POST":
        form = DecisionForm(initial={"digest": version.digest})
    return _reviewed(request, visitor, version, form)


def _decide(
    request: HttpRequest, visitor: Visitor, version: Version, form: DecisionForm
) -> HttpResponse | None:
    """Carry out the decision; None where it was refused, with the reason in the form."""
    given = form.cleaned_data
    try:
        if request.POST.get("decision") == "return":
            reviewing.return_version(
                actor=visitor.actor,
                version_id=version.pk,
                digest=given["digest"],
                comment=given["comment"],
            )
            messages.success(request, f"Returned to {words.named(version.author)} with your words.")
            return redirect("review_queue")
        if request.POST.get("decision") != "approve":
            raise Invalid({"decision": "is neither to approve nor to return; press one of the two"})
        if given["password"]:
            entering.confirm(request, visitor, given["password"])
        decided = reviewing.approve_version(
            actor=visitor.actor,
            version_id=version.pk,
            digest=given["digest"],
            signature=entering.signature(request),
            comment=given["comment"],
        )
    except StaleAuthentication as error:
        form.add_error("password", error.detail)
    except KbError as error:
        if error.code == "wrong_password":
            form.add_error("password", "That isn't your password.")
        else:
            refused(form, error)
    else:
        messages.success(request, _signed(decided), extra_tags="good")
        return redirect(version_url(decided))
    return None


def _signed(version: Version) -> str:
    if version.state == "published":
        return f"Signed. Version {version.number} is published."
    return "Signed. It needs one more person's signature before it is published."


def _reviewed(
    request: HttpRequest, visitor: Visitor, version: Version, form: DecisionForm
) -> HttpResponse:
    before = dossier.predecessor(version)
    shown = dossier.dossier(version)
    changed = form.is_bound and form.data.get("digest") != version.digest
    context: dict[str, Any] = {
        "version": version,
        "article": version.article,
        "dossier": shown,
        "before": before,
        "changes": changes.between(before, version) if before else None,
        "form": form,
        "digest": version.digest,
        "changed_while_you_looked": changed,
        "fresh": entering.is_fresh(request) and not form["password"].errors,
        "needed": approvals_needed(version.kind, version.risk),
        "approvals": sum(one.decision == "approve" for one in shown.reviews),
        "signed": any(one.reviewer_id == visitor.person.pk for one in shown.reviews),
        "wrote": visitor.person.pk in reviewing.contributors(version),
        "may_approve": visitor.approves_for(version.article.owner_group_id),
        "open": version.state == "in_review",
    }
    status = 409 if form.errors else 200
    return show(request, visitor, "kb/review.html", context, place="review_queue", status=status)


class ReasonForm(forms.Form):
    """A reason that is kept with what was done."""

    why = forms.CharField(
        label="Why",
        max_length=2000,
        error_messages={"required": "Say why; the reason is kept with it."},
        widget=forms.Textarea({"rows": 3}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.APPROVER)
def retire(request: HttpRequest, visitor: Visitor, version_id: int) -> HttpResponse:
    """Take a version out of service for good, after saying what rests on it."""
    version = access.version(visitor.person, version_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = attempt(
            form,
            lambda: publishing.retire_version(
                actor=visitor.actor, version_id=version.pk, why=form.cleaned_data["why"]
            ),
        )
        if done:
            messages.success(request, f"Version {done.number} is retired and served no more.")
            return redirect("article", version.article.slug)
    count = dossier.answers_since(version, gate.clock() - _WEEK)
    context = {
        "form": form,
        "title": f"Retire “{version.title}”",
        "tone": "bad",
        "consequence": "It stops being served at once, everywhere, and can't be brought back: only "
        "a new version can. Its text stays readable to people with the right.",
        "consequences": [
            f"{count} answer{'' if count == 1 else 's'} in the last seven days rested on it.",
            "An earlier version doesn't come back, unless this one hasn't begun yet.",
        ],
        "button": "Retire it now",
        "grave": True,
        "back": version_url(version),
    }
    status = 409 if form.errors else 200
    return show(request, visitor, "kb/act.html", context, place="library", status=status)


class NoteForm(forms.Form):
    """A note, if there is anything to say."""

    note = forms.CharField(
        label="Note", required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.APPROVER)
def verify(request: HttpRequest, visitor: Visitor, version_id: int) -> HttpResponse:
    """Renew what governs without a change: its review clock starts anew."""
    version = access.version(visitor.person, version_id)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = attempt(
            form,
            lambda: publishing.verify_version(
                actor=visitor.actor, version_id=version.pk, note=form.cleaned_data["note"]
            ),
        )
        if done:
            messages.success(request, "Verified: its review clock starts anew.", extra_tags="good")
            return redirect("article", version.article.slug)
    every = version.article.review_every_days
    context = {
        "form": form,
        "title": f"Verify “{version.title}”",
        "tone": "good",
        "consequence": "You have read it as it stands, and it is still right. Nothing changes.",
        "consequences": [
            f"Its next review is due in {every} days." if every else "It has no cycle."
        ],
        "button": "It is still right",
        "back": reverse("article", args=[version.article.slug]),
    }
    status = 409 if form.errors else 200
    return show(request, visitor, "kb/act.html", context, place="library", status=status)
