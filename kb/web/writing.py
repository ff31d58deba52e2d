"""Writing: a new article, a draft saved, previewed, submitted, withdrawn.

Whatever goes wrong, what was typed comes back in the form. A draft that somebody else saved
meanwhile isn't overwritten: both texts are shown, and saving again is then a decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from kb import access, conf
from kb.actions import catalogue, dossier, drafting
from kb.actions.content import Content, checked
from kb.actions.visiting import Visitor
from kb.errors import Conflict, Invalid, KbError
from kb.models import Role, Version
from kb.web import changes
from kb.web.forms import (
    ArticleForm,
    ContentForm,
    FactForm,
    FactRows,
    attempt,
    initial_content,
    initial_facts,
    refused,
)
from kb.web.frame import page, show, version_url

WRITERS = (Role.EDITOR, Role.APPROVER)
EMPTY = Content(title="", body="", audience="internal")


@dataclass
class Desk:
    """What lies on the desk: the form, the rows of facts, and what they were filled from."""

    form: ContentForm
    rows: Any
    original: Content | None = None
    version: Version | None = None

    def content(self) -> Content | None:
        """Return what was written, or None where a field can't be read."""
        valid = self.form.is_valid()
        if not self.rows.is_valid() or not valid:
            return None
        used = [(row, row.declared()) for row in self.rows]
        self.rows.used = [row for row, declared in used if declared]
        return self.form.content([one for _row, one in used if one], self.original)

    @property
    def action(self) -> str:
        """Which button was pressed."""
        return str(self.form.data.get("action", "save"))


@require_http_methods(["GET", "HEAD", "POST"])
@page(*WRITERS)
def new_article(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Write the first draft of a new article."""
    desk = _desk(request, EMPTY, form_class=ArticleForm)
    _offer_owners(desk.form, visitor)
    if request.method != "POST":
        return _written(request, visitor, desk)
    content = desk.content()
    if content is None or desk.action not in ("save", "submit"):
        return _written(request, visitor, desk, preview=content)
    given = desk.form.cleaned_data
    version = attempt(
        desk.form,
        lambda: drafting.create_article(
            actor=visitor.actor,
            content=content,
            owner_group=given["owner_group"],
            journey=given["journey"],
            language=given["language"],
            review_every_days=given["review_every_days"],
        ),
        rows=desk.rows,
    )
    if version is None:
        return _written(request, visitor, desk)
    return _kept(request, visitor, desk, version)


@require_http_methods(["GET", "HEAD", "POST"])
@page(*WRITERS)
def edit_draft(request: HttpRequest, visitor: Visitor, version_id: int) -> HttpResponse:
    """Edit a draft: save it, look at it, or send it to review."""
    version = access.version(visitor.person, version_id)
    if version.state != "draft" and request.method != "POST":
        return redirect(version_url(version))
    access.require_role(
        visitor.person,
        Role.APPROVER if visitor.approves_for(version.article.owner_group_id) else Role.EDITOR,
        version.article,
    )
    stored = drafting.content_of(version)
    desk = _desk(request, stored, version=version)
    if request.method != "POST":
        return _written(request, visitor, desk)
    content = desk.content()
    if content is None or desk.action not in ("save", "submit"):
        return _written(request, visitor, desk, preview=content)
    try:
        unchanged = checked(content) == stored and desk.form.cleaned_data["edits"] == version.edits
        if not unchanged:
            version = drafting.save_draft(
                actor=visitor.actor,
                version_id=version.pk,
                edits=desk.form.cleaned_data["edits"] or 0,
                content=content,
            )
    except Conflict as error:
        return _clash(request, visitor, desk, content, error)
    except KbError as error:
        refused(desk.form, error, rows=desk.rows)
        return _written(request, visitor, desk)
    return _kept(request, visitor, desk, version)


@require_POST
@page(*WRITERS)
def open_draft(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """Start the next version from the latest text, or go to the draft that is open already."""
    article = access.article(visitor.person, slug)
    version = drafting.open_draft(
        actor=visitor.actor, article_id=article.pk, language=request.POST.get("language", "")
    )
    return redirect("edit_draft", version.pk)


class WithdrawForm(forms.Form):
    """Why a version is withdrawn."""

    why = forms.CharField(
        label="Why", required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(*WRITERS)
def withdraw(request: HttpRequest, visitor: Visitor, version_id: int) -> HttpResponse:
    """Withdraw a draft or a version in review, after saying what that means."""
    version = access.version(visitor.person, version_id)
    form = WithdrawForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = attempt(
            form,
            lambda: drafting.withdraw_version(
                actor=visitor.actor, version_id=version.pk, why=form.cleaned_data["why"]
            ),
        )
        if done:
            messages.success(request, "Withdrawn. Its text stays readable and can be taken up.")
            return redirect("article", version.article.slug)
    context = {
        "form": form,
        "version": version,
        "title": f"Withdraw “{version.title}”",
        "consequence": "It won't be reviewed or published. Nobody's text is lost: it stays "
        "readable, and the next draft can start from it.",
        "button": "Withdraw",
        "back": version_url(version),
    }
    status = 409 if form.errors else 200
    return show(request, visitor, "kb/act.html", context, place="library", status=status)


def _desk(
    request: HttpRequest,
    stored: Content,
    *,
    version: Version | None = None,
    form_class: type[ContentForm] = ContentForm,
) -> Desk:
    original = stored if version else None
    if request.method == "POST":
        rows = FactRows(request.POST, prefix="facts")
        return Desk(form_class(request.POST), rows, original, version)
    initial = initial_content(stored, version.edits if version else 0)
    if form_class is ArticleForm:
        initial["language"] = conf.settings().default_language
    rows = FactRows(initial=initial_facts(stored), prefix="facts")
    return Desk(form_class(initial=initial), rows, original, version)


def _offer_owners(form: ContentForm, visitor: Visitor) -> None:
    field = form.fields["owner_group"]
    if isinstance(field, forms.ChoiceField):
        field.choices = [
            (name, name) for pk, name in catalogue.owner_groups() if visitor.writes_for(pk)
        ]


def _kept(request: HttpRequest, visitor: Visitor, desk: Desk, version: Version) -> HttpResponse:
    """Go on after the draft is stored: stay at the desk, or send it to review."""
    if desk.action != "submit":
        messages.success(
            request,
            f"Saved {timezone.localtime(version.edited_at):%H:%M}. Only people who write and "
            "review see this draft.",
            extra_tags="good",
        )
        return redirect("edit_draft", version.pk)
    try:
        sent = drafting.submit_version(actor=visitor.actor, version_id=version.pk)
    except KbError as error:
        version.refresh_from_db()
        again = Desk(
            ContentForm(initial_as_data(version)),
            FactRows(initial=initial_facts(drafting.content_of(version)), prefix="facts"),
            version=version,
        )
        again.form.is_valid()
        refused(again.form, error)
        note = "Your text is saved as a draft; it wasn't sent to review."
        return _written(request, visitor, again, note=note, at=version.pk)
    messages.success(
        request,
        f"Sent to review as version {sent.number}. Somebody who didn't write it decides.",
        extra_tags="good",
    )
    return redirect("numbered_version", sent.article.slug, sent.number)


def initial_as_data(version: Version) -> dict[str, Any]:
    """Return a stored draft as a form would post it, so that errors can stand beside its fields."""
    initial = initial_content(drafting.content_of(version), version.edits)
    for name in ("effective_from", "effective_until"):
        if initial[name]:
            initial[name] = initial[name].strftime("%Y-%m-%dT%H:%M:%S")
    return initial


def _clash(
    request: HttpRequest, visitor: Visitor, desk: Desk, mine: Content, error: Conflict
) -> HttpResponse:
    """Show both texts; what was typed stays in the form, written against theirs from now on."""
    if desk.version is None or error.code != "edited_meanwhile":
        refused(desk.form, error, rows=desk.rows)
        return _written(request, visitor, desk)
    theirs = access.version(visitor.person, desk.version.pk)
    typed = {name: desk.form.data.get(name, "") for name in desk.form.fields}
    desk.form = ContentForm({**typed, "edits": str(theirs.edits)})
    desk.form.is_valid()
    extra = {
        "clash": error.detail,
        "theirs": theirs,
        "changes": changes.of_contents(drafting.content_of(theirs), checked(mine)),
    }
    return _written(request, visitor, desk, extra=extra, status=409)


def _written(
    request: HttpRequest,
    visitor: Visitor,
    desk: Desk,
    *,
    preview: Content | None = None,
    note: str = "",
    at: int | None = None,
    extra: dict[str, Any] | None = None,
    status: int = 0,
) -> HttpResponse:
    """Render the desk, with everything that was typed."""
    parts, missing = list[dossier.Part](), tuple[str, ...]()
    if preview is not None and desk.action == "preview":
        try:
            parts, missing = dossier.drafted(checked(preview))
        except Invalid as error:
            refused(desk.form, error, rows=desk.rows)
    if desk.rows.is_bound and desk.action == "more":
        desk.rows = _with_spare(desk.rows)
    wrong = bool(desk.form.errors) or (desk.rows.is_bound and not desk.rows.is_valid())
    context = {
        "form": desk.form,
        "rows": desk.rows,
        "version": desk.version,
        "previewed": bool(parts),
        "preview_title": preview.title if preview else "",
        "parts": parts,
        "missing": missing,
        "wrong": wrong,
        "note": note,
        "target": at,
        "facts_open": any(_is_used(row) for row in desk.rows) or desk.action == "more",
        "is_new": isinstance(desk.form, ArticleForm),
        "details": ["owner_group", "journey", "language", "review_every_days"],
        **(extra or {}),
    }
    status = status or (422 if wrong else 200)
    return show(request, visitor, "kb/edit.html", context, place="library", status=status)


def _is_used(row: FactForm) -> bool:
    return bool(row["key"].value() or row["value"].value())


def _with_spare(rows: Any) -> Any:
    """Return the rows as they were typed, with further empty ones."""
    data = rows.data.copy()
    total = min(int(data.get("facts-TOTAL_FORMS") or 0) + 2, rows.max_num)
    data["facts-TOTAL_FORMS"] = str(total)
    for number in range(int(rows.total_form_count()), total):
        data.setdefault(f"facts-{number}-type", "duration")
        data.setdefault(f"facts-{number}-comparator", "eq")
    return FactRows(data, prefix="facts")
