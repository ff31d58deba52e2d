"""The audit for auditors: searched, paged, and its chain verified on demand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from kb.actions import audit_desk
from kb.actions.audit_desk import Search, Verdict
from kb.actions.visiting import Visitor
from kb.models import Role
from kb.web.frame import page, show

LARGEST_ID_DIGITS = 18
_PLACES = {
    "article": "article",
    "version": "review",  # leads on to where a version that is decided is read
    "fact": "fact",
    "change_set": "change_set",
}


class SearchForm(forms.Form):
    """What the audit is narrowed to; every field is optional."""

    subject = forms.CharField(
        label="On",
        required=False,
        max_length=120,
        widget=forms.TextInput({"placeholder": "version:12, or hold: for all"}),
    )
    actor = forms.CharField(
        label="Who", required=False, max_length=150, widget=forms.TextInput({"list": "actors"})
    )
    action = forms.CharField(
        label="What", required=False, max_length=60, widget=forms.TextInput({"list": "actions"})
    )
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label="To, that day included",
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    def search(self) -> Search:
        """Return what can be used of it; a field that can't be read narrows nothing."""
        self.is_valid()
        given = self.cleaned_data
        until: date | None = given.get("until")
        return Search(
            subject=_plain(given.get("subject")),
            actor=_plain(given.get("actor")),
            action=_plain(given.get("action")),
            since=_midnight(given.get("since")),
            until=_midnight(until + timedelta(days=1)) if until and until < date.max else None,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.AUDITOR)
def audit(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List audit rows, the latest first; a POST verifies the chain and shows what it found."""
    verdict: Verdict | None = audit_desk.verify() if request.method == "POST" else None
    form = SearchForm(request.GET)
    wanted = form.search()
    found = audit_desk.search(wanted, before=_id(request.GET.get("before", "")))
    actors, actions = audit_desk.recent_names()
    kept = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    context: dict[str, Any] = {
        "form": form,
        "narrow": [form[name] for name in ("actor", "action", "since", "until")],
        "found": found,
        "events": [(event, _place(event.row.subject)) for event in found.events],
        "actors": actors,
        "actions": actions,
        "verdict": verdict,
        "narrowed": bool(kept),
        "paged": "before" in request.GET,
        "first": urlencode(kept),
        "next": urlencode({**kept, "before": found.next}) if found.next else "",
    }
    return show(request, visitor, "kb/audit.html", context, place="audit")


def _place(subject: str) -> str:
    """Return the address at which the subject of a row is read, or '' where it has no page."""
    kind, _colon, name = subject.partition(":")
    address = _PLACES.get(kind)
    if address is None or not name:
        return ""
    try:
        return reverse(address, args=[name])
    except NoReverseMatch:
        return ""


def _midnight(day: date | None) -> datetime | None:
    """Return the beginning of a day in the page's zone."""
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _plain(text: str | None) -> str:
    return (text or "").replace("\x00", "").strip()


def _id(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= LARGEST_ID_DIGITS else None
