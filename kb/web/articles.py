"""The library and its articles: lists, what governs, versions, and what changed between two."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from kb import access, conf
from kb.actions import agents, catalogue, dossier
from kb.actions.catalogue import STATES, Wanted
from kb.actions.dossier import Dossier
from kb.actions.visiting import Visitor
from kb.errors import NotFound
from kb.models import Article, Role, Version
from kb.web import changes, strata
from kb.web.frame import page, show
from policies.approval import approvals_needed
from policies.lifecycle import Reading

READERS = (Role.EDITOR, Role.APPROVER, Role.AUDITOR, Role.AGENT)


class FilterForm(forms.Form):
    """What the library is narrowed to; every field is optional."""

    q = forms.CharField(label="Words", required=False, max_length=200)
    state = forms.ChoiceField(label="State", required=False)
    kind = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "Any"), ("policy", "Policy"), ("resolution", "Resolution")],
    )
    audience = forms.ChoiceField(
        label="Audience",
        required=False,
        choices=[("", "Any"), ("public", "Public"), ("agent", "Agent"), ("internal", "Internal")],
    )
    journey = forms.ChoiceField(label="Journey", required=False)
    owner = forms.ChoiceField(label="Owner", required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        states = [(name, word) for name, (word, _sql) in STATES.items()]
        self._offer("state", [("", "Any"), *states])
        self._offer("journey", [("", "Any"), *((n, n) for n in catalogue.journeys())])
        self._offer("owner", [("", "Any"), *((n, n) for _pk, n in catalogue.owner_groups())])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = choices

    def wanted(self) -> Wanted:
        """Return what can be used of it; a value that isn't offered narrows nothing."""
        self.is_valid()
        given = self.cleaned_data
        return Wanted(
            words=given.get("q", "").replace("\x00", "").strip(),
            **{n: given.get(n, "") for n in ("state", "kind", "audience", "journey", "owner")},
        )


@require_safe
@page(*READERS)
def library(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List the articles, found by words and filters; agents get what the gate lets through."""
    after = request.GET.get("after", "").replace("\x00", "")[:120]
    form = FilterForm(request.GET)
    wanted = form.wanted()
    if visitor.reads_text:
        shelf = catalogue.shelf(wanted, after=after)
    else:
        shelf = agents.shelf(wanted, after=after)
    kept = {name: value for name, value in form.cleaned_data.items() if value}
    context = {
        "form": form,
        "shelf": shelf,
        "narrowed": bool(kept),
        "next": urlencode({**kept, "after": shelf.next}) if shelf.next else "",
        "first": urlencode(kept) if after else "",
        "paged": bool(after),
    }
    return show(request, visitor, "kb/library.html", context, place="library")


@require_safe
@page(*READERS)
def article(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """Show what governs of an article now, plainly, with everything about it."""
    if not visitor.reads_text:
        return _served(request, visitor, slug)
    found = access.article(visitor.person, slug)
    governing = dossier.governing(found)
    asked = request.GET.get("language") or _default()
    line = next((one for one in governing if one.language == asked), None)
    line = line or (governing[0] if governing else None)
    version = access.version(visitor.person, line.version_id) if line else None
    context = _about(visitor, found, version) | {
        "governing": governing,
        "is_article": True,
        "others": [one for one in governing if line and one.language != line.language],
    }
    return show(request, visitor, "kb/article.html", context, place="library")


@require_safe
@page(Role.EDITOR, Role.APPROVER, Role.AUDITOR)
def version(request: HttpRequest, visitor: Visitor, slug: str, number: int) -> HttpResponse:
    """Show one version by its number: its text as it was or would be served, and its record."""
    found = access.article(visitor.person, slug)
    shown = dossier.numbered(visitor.person, found, number)
    context = _about(visitor, found, shown)
    return show(request, visitor, "kb/article.html", context, place="library")


@require_safe
@page(Role.EDITOR, Role.APPROVER, Role.AUDITOR)
def unnumbered(request: HttpRequest, visitor: Visitor, slug: str, version_id: int) -> HttpResponse:
    """Show a draft, or one withdrawn before it had a number; others are under their number."""
    found = access.article(visitor.person, slug)
    shown = access.version(visitor.person, version_id)
    if shown.article_id != found.pk:
        raise NotFound("There is no such version, or it isn't yours to see.")
    if shown.number is not None:
        return redirect("numbered_version", slug, shown.number)
    return show(request, visitor, "kb/article.html", _about(visitor, found, shown), place="library")


@require_safe
@page(Role.EDITOR, Role.APPROVER, Role.AUDITOR)
def versions(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """List every version of an article, and offer to compare any two."""
    found = access.article(visitor.person, slug)
    lines = dossier.versions_of(found, limit=500)
    context = {
        "article": found,
        "lines": lines,
        "strata": strata.strata(lines),
        "language": _default(),
    }
    return show(request, visitor, "kb/versions.html", context, place="library")


@require_safe
@page(Role.EDITOR, Role.APPROVER, Role.AUDITOR)
def compare(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """Show what changed between two versions of an article, word by word."""
    found = access.article(visitor.person, slug)
    older, newer = (_own(visitor, found, request.GET.get(name, "")) for name in ("from", "to"))
    before, after = dossier.dossier(older), dossier.dossier(newer)
    context = {
        "article": found,
        "older": before,
        "newer": after,
        "sides": [before, after],
        "changes": changes.between(older, newer),
    }
    return show(request, visitor, "kb/compare.html", context, place="library")


def _own(visitor: Visitor, found: Article, text: str) -> Version:
    """Return the article's version with the id `text`."""
    number = int(text) if text.isdecimal() and len(text) < 18 else 0
    shown = access.version(visitor.person, number)
    if shown.article_id != found.pk:
        raise NotFound("There is no such version, or it isn't yours to see.")
    return shown


def _about(visitor: Visitor, found: Article, version: Version | None) -> dict[str, Any]:
    """Return what the page of an article or a version shows and offers."""
    lines = dossier.versions_of(found)
    dossier_: Dossier | None = dossier.dossier(version) if version else None
    language = version.language if version else _default()
    return {
        "article": found,
        "version": version,
        "dossier": dossier_,
        "lines": lines,
        "strata": strata.strata(lines),
        "open_work": dossier.open_work(found, language),
        "language": language,
        "needed": approvals_needed(version.kind, version.risk) if version else 0,
        "may_hold": visitor.writes
        and dossier_ is not None
        and dossier_.line.reading in (Reading.in_effect, Reading.scheduled),
        "may_write": visitor.writes_for(found.owner_group_id),
        "may_approve": visitor.approves_for(found.owner_group_id),
    }


def _served(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """Show an agent what the gate serves of the article to internal."""
    shown = agents.article(slug, request.GET.get("language", ""))
    return show(request, visitor, "kb/served.html", {"shown": shown}, place="library")


def _default() -> str:
    return conf.settings().default_language
