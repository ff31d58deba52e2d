"""Facts: which value governs where, who states and who shows it, and proposing another one.

A change is only ever proposed here; it takes force with its change set. What a value may look like
is the rules' to say, whose refusals come back beside the fields.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from kb.actions import change_set_desk, fact_desk
from kb.actions import facts as fact_actions
from kb.actions.fact_desk import Portrait, Reach, Stretch
from kb.actions.visiting import Visitor
from kb.errors import Invalid, KbError, NotFound
from kb.models import ChangeSet, FactRevision, Role
from kb.web import fact_strata
from kb.web.forms import COMPARATORS, InstantField, refused
from kb.web.frame import page, show
from policies.facts import FactType
from policies.values import MEASURED, ORDERED

READERS = (Role.EDITOR, Role.APPROVER, Role.AUDITOR)
_DURATIONS = ("minute", "hour", "day", "business day", "week", "month", "year")


class ProposalForm(forms.Form):
    """Another value of one fact; its fields follow the fact's type."""

    comparator = forms.ChoiceField(label="It is", choices=COMPARATORS, required=False)
    value = forms.CharField(label="New value", max_length=500)
    unit = forms.CharField(label="Unit", required=False, max_length=30)
    effective_at = InstantField(
        label="From", help_text="Empty: at the moment of the last signature."
    )
    note = forms.CharField(
        label="Why",
        max_length=2000,
        help_text="Approvers read it first; it becomes the change note of every text.",
        error_messages={"required": "Say why the value changes: approvers read it first."},
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(self, data: Any, revision: FactRevision) -> None:
        initial = {
            "comparator": revision.comparator,
            "value": revision.value,
            "unit": revision.unit,
        }
        super().__init__(data, initial=initial)
        kind = FactType(revision.fact.type)
        if kind not in ORDERED:
            del self.fields["comparator"]
        if kind not in MEASURED or kind == FactType.percentage:
            del self.fields["unit"]
        if kind == FactType.duration:
            units = [(unit, f"{unit}s") for unit in _DURATIONS]
            self.fields["unit"] = forms.ChoiceField(label="Unit", choices=units)
        elif kind == FactType.money:
            self.fields["unit"].label = "Currency"
        elif kind == FactType.boolean:
            self.fields["value"] = forms.ChoiceField(
                label="New value", choices=[("true", "Yes"), ("false", "No")]
            )
        elif kind == FactType.date:
            self.fields["value"].widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")

    def propose(self, visitor: Visitor, revision: FactRevision) -> ChangeSet:
        """Propose what was written. Raises what `facts.propose_fact_change` raises."""
        given = self.cleaned_data
        at: datetime | None = given["effective_at"]
        return fact_actions.propose_fact_change(
            actor=visitor.actor,
            key=revision.fact.key,
            value=given["value"],
            unit=given.get("unit"),
            comparator=given.get("comparator"),
            scope=revision.scope,
            effective_at=at,
            note=given["note"].replace("\r\n", "\n"),
        )

    def refuse(self, error: KbError) -> None:
        """Put an error beside the field that it is about."""
        if isinstance(error, Invalid) and "value" in error.fields:
            # The rules name the part of a value that is wrong in front of their sentence.
            part, _colon, why = error.fields["value"].partition(": ")
            if part in self.fields:
                self.add_error(part, why)
                return
        refused(self, error)


@require_safe
@page(*READERS)
def facts(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List the facts by key with the values that govern now."""
    wanted = request.GET.get("q", "").replace("\x00", "")[:100]
    after = request.GET.get("after", "").replace("\x00", "")[:100]
    register = fact_desk.register(words=wanted, after=after)
    kept = {"q": wanted} if wanted else {}
    context = {
        "register": register,
        "wanted": wanted,
        "paged": bool(after),
        "first": urlencode(kept),
        "next": urlencode({**kept, "after": register.next}) if register.next else "",
        "waiting": change_set_desk.waiting(visitor),
    }
    return show(request, visitor, "kb/facts.html", context, place="facts")


@require_http_methods(["GET", "HEAD", "POST"])
@page(*READERS)
def fact(request: HttpRequest, visitor: Visitor, key: str) -> HttpResponse:
    """Show one fact; with `change`, the form that proposes another value in place of that one."""
    shown = fact_desk.portrait(key)
    asked = request.POST.get("change") or request.GET.get("change", "")
    if not asked and request.method != "POST":
        return _shown(request, visitor, shown)
    value = _chosen(shown, asked)
    reach = fact_desk.reach(visitor, value)
    if request.method != "POST":
        form = ProposalForm(None, reach.revision)
        return _shown(request, visitor, shown, value=value, reach=reach, form=form)
    form = ProposalForm(request.POST, reach.revision)
    if form.is_valid():
        try:
            proposed = form.propose(visitor, reach.revision)
        except KbError as error:
            form.refuse(error)
        else:
            messages.success(
                request,
                "Proposed. Nothing changes until somebody else has read and signed it.",
                extra_tags="good",
            )
            return redirect("change_set", proposed.pk)
    return _shown(request, visitor, shown, value=value, reach=reach, form=form)


def _chosen(shown: Portrait, asked: str) -> Stretch:
    """Return the value that is to be changed. Raises NotFound where it doesn't govern."""
    for value in shown.governing:
        if str(value.revision_id) == asked:
            return value
    raise NotFound(
        f"That value of {shown.fact.key} doesn't govern any more, or never did. "
        "Look at the fact again."
    )


def _shown(
    request: HttpRequest,
    visitor: Visitor,
    shown: Portrait,
    *,
    value: Stretch | None = None,
    reach: Reach | None = None,
    form: ProposalForm | None = None,
) -> HttpResponse:
    may_propose = {
        one.revision_id
        for one in shown.governing
        if all(fact_desk.edits_for(visitor, who.owner_group_id) for who in one.stated_by)
    }
    context = {
        "shown": shown,
        "fact": shown.fact,
        "strata": fact_strata.strata(shown.over_time),
        "may_propose": may_propose,
        "value": value,
        "reach": reach,
        "form": form,
    }
    status = 422 if form is not None and form.errors else 200
    return show(request, visitor, "kb/fact.html", context, place="facts", status=status)
