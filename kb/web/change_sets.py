"""Change sets: what is signed together, and the decision on it.

What is signed is what is shown: the page posts the digest of every version that it was rendered
from. Whoever proposed a set is never offered to sign it, and the action refuses it all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from kb import gate
from kb.actions import change_set_desk, facts
from kb.actions.change_set_desk import Member, SetPortrait
from kb.actions.visiting import Visitor
from kb.errors import KbError, StaleAuthentication
from kb.models import ChangeSet, Role
from kb.web import changes, entering, words
from kb.web.changes import Changes, Field
from kb.web.forms import SignatureForm, refused
from kb.web.frame import page, show

READERS = (Role.EDITOR, Role.APPROVER, Role.AUDITOR)
_DIGEST = re.compile(r"digest-([0-9]{1,18})")


class SetDecisionForm(SignatureForm):
    """Sign, return or withdraw a set; the digests stand in fields of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        needed = "Needed to return or withdraw it: the author reads only this."
        super().__init__(*args, comment_needed=needed, **kwargs)


@dataclass(frozen=True)
class Leaf:
    """One version of a set as the page shows it: what changes in it.

    `fields` are what changes besides the text, each fact by itself.
    """

    member: Member
    changes: Changes
    fields: list[Field]


@require_safe
@page(*READERS)
def change_sets(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List the sets in review, the oldest first, and below them those decided."""
    before = request.GET.get("before", "")
    below = int(before) if before.isdecimal() and len(before) <= 18 else None
    decided = change_set_desk.sets(
        visitor, decided=True, before=below, limit=change_set_desk.PAGE + 1
    )
    more = len(decided) > change_set_desk.PAGE
    shown = decided[: change_set_desk.PAGE]
    now = gate.clock()
    context = {
        "open": change_set_desk.sets(visitor, limit=200) if below is None else [],
        "decided": [(one, _mark(one.change_set, now)) for one in shown],
        "next": shown[-1].change_set.pk if more else None,
        "paged": below is not None,
    }
    return show(request, visitor, "kb/change_sets.html", context, place="facts")


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@page(*READERS)
def change_set(request: HttpRequest, visitor: Visitor, change_set_id: int) -> HttpResponse:
    """Show one set with everything that is signed, and take the decision on it."""
    form = SetDecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = _decide(request, visitor, change_set_id, form)
        if done is not None:
            return done
    return _shown(request, visitor, change_set_desk.portrait(visitor, change_set_id), form)


def _decide(
    request: HttpRequest, visitor: Visitor, change_set_id: int, form: SetDecisionForm
) -> HttpResponse | None:
    """Carry out the decision; None where it was refused, with the reason in the form."""
    given = form.cleaned_data
    decision = request.POST.get("decision", "")
    try:
        if decision != "sign":
            closed = facts.close_change_set(
                actor=visitor.actor,
                change_set_id=change_set_id,
                decision=decision,
                comment=given["comment"],
            )
            messages.success(request, _closed(closed))
            return redirect("change_sets")
        if given["password"]:
            entering.confirm(request, visitor, given["password"])
        signed = facts.approve_change_set(
            actor=visitor.actor,
            change_set_id=change_set_id,
            digests=_digests(request.POST),
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
        messages.success(request, _signed(signed), extra_tags="good")
        return redirect("change_set", signed.pk)
    return None


def _digests(posted: QueryDict) -> dict[int, str]:
    """Return the digest of each version that the page showed."""
    named = [(match, name) for name in posted if (match := _DIGEST.fullmatch(name))]
    return {int(match[1]): str(posted[name]) for match, name in named}


def _signed(signed: ChangeSet) -> str:
    if signed.state != "published":
        return "Signed. It needs one more person's signature before it takes force."
    if signed.effective_at and signed.decided_at and signed.effective_at > signed.decided_at:
        return f"Signed. All of it takes force at one instant, {words.exact(signed.effective_at)}."
    return "Signed. All of it is in force, since one and the same instant."


def _closed(closed: ChangeSet) -> str:
    if closed.state == "returned":
        return f"Returned to {words.named(closed.proposed_by)} with your words; nothing changes."
    return "Withdrawn. Nothing of it takes force."


def _shown(
    request: HttpRequest, visitor: Visitor, shown: SetPortrait, form: SetDecisionForm
) -> HttpResponse:
    in_review = shown.change_set.state == "in_review"
    leaves = [_leaf(member) for member in shown.members]
    context: dict[str, Any] = {
        "shown": shown,
        "line": shown.line,
        "set": shown.change_set,
        "mark": _mark(shown.change_set, shown.now),
        "leaves": leaves,
        "policies": sum(leaf.member.carries for leaf in leaves),
        "texts": sum(not leaf.member.carries for leaf in leaves),
        "form": form,
        "fresh": entering.is_fresh(request) and not form["password"].errors,
        "in_review": in_review,
        "may_sign": change_set_desk.may_sign(visitor, shown),
        "may_return": in_review and visitor.approves and not shown.line.mine,
        "may_withdraw": in_review and (visitor.approves or shown.line.mine),
        "others_groups": [
            name
            for name in shown.group_names
            if not any(
                visitor.approves_for(member.version.article.owner_group_id)
                for member in shown.members
                if str(member.version.article.owner_group) == name
            )
        ],
    }
    status = 409 if form.errors else 200
    return show(request, visitor, "kb/change_set.html", context, place="facts", status=status)


def _mark(change_set: ChangeSet, now: datetime) -> words.Mark:
    """Return the streak of a set: hollow in review, dashed until its instant, then solid."""
    match change_set.state:
        case "in_review":
            return words.Mark("hollow", "In review")
        case "published":
            at = change_set.effective_at
            scheduled = at is not None and at > now
            return (
                words.Mark("dashed", "Scheduled") if scheduled else words.Mark("solid", "In force")
            )
        case state:
            return words.Mark("faded", state.capitalize())


def _leaf(member: Member) -> Leaf:
    changed = changes.of_contents(member.before, member.after)
    others = [one for one in changed.fields if one.word != "Facts"]
    return Leaf(
        member=member,
        changes=changed,
        fields=[*_changed_facts(member), *others],
    )


def _changed_facts(member: Member) -> list[Field]:
    """Return each fact that the version states otherwise than the one it replaces."""
    sides = [
        {(one["key"], *sorted(one["scope"].items())): one for one in content.facts}
        for content in (member.before, member.after)
    ]
    before, after = sides
    return [
        Field(place[0], *(_stated(side.get(place)) for side in sides))
        for place in {**before, **after}
        if before.get(place) != after.get(place)
    ]


def _stated(declared: dict[str, Any] | None) -> str:
    if declared is None:
        return "not stated"
    return changes.fact_words(declared).removeprefix(f"{declared['key']} is ")
