"""What an import refuses only when its records are laid beside each other and what is held.

Decides that a text comes twice, that people may not sign for it, that facts contradict each other
or are unknown, and that other texts would be left showing a value that governs no longer. Called by
`plan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from kb.actions.importing import facts, held
from kb.actions.importing.facts import Prospect, Writing
from kb.actions.importing.people import Signers
from kb.actions.importing.reading import Place, Refusal
from kb.actions.importing.records import Key
from kb.actions.importing.steps import Entry, Step, owners_of
from kb.models import Hold
from policies import approval


def same_twice(steps: Iterable[Step]) -> Iterator[Refusal]:
    """Refuse a text that comes twice, and texts of one article that disagree about it."""
    seen: dict[Key, Entry] = {}
    named: dict[tuple[str, str], tuple[object, Place]] = {}
    for entry in (step.entry for step in steps):
        external_id, language = entry.key
        first = seen.setdefault(entry.key, entry)
        if first is not entry:
            yield entry.refusal(
                "id",
                f"{external_id!r} ({language}) stands in line {first.place.line} of "
                f"{first.place.file} already; keep one",
            )
            continue
        for name in ("owner", "journey", "review_every_days"):
            value = getattr(entry, name)
            if value is None:
                continue
            before, place = named.setdefault((external_id, name), (value, entry.place))
            if before != value:
                yield entry.refusal(
                    name,
                    f"is {value!r} here and {before!r} in line {place.line} of {place.file}; "
                    "an article has one in all its languages",
                )


def signing(steps: Iterable[Step], signers: Signers) -> Iterator[Refusal]:
    """Refuse what the author may not write or the approvers may not, or not alone, approve."""
    owners = owners_of(steps)
    for step in steps:
        entry = step.entry
        if not step.written:
            continue
        why = signers.refusal_for(owners[entry.key[0]])
        if why:
            yield entry.refusal("owner", why)
        needed = approval.approvals_needed(entry.kind, entry.risk)
        if signers.approvers and len(signers.approvers) < needed:
            yield entry.refusal(
                "risk", "high risk needs two approvals; name two people with --approver"
            )
        own = step.text.own_draft if step.text else None
        wrote = {p.get_username() for p in signers.approvers if own and p.pk in own.contributors}
        if wrote:
            yield entry.refusal(
                "approver", f"{min(wrote)} wrote the draft that this replaces; name somebody else"
            )


def journeys_on_hold(steps: Iterable[Step]) -> Iterator[Refusal]:
    """Refuse to take an article out of a journey that is on hold: the hold would slip off it."""
    held = set(
        Hold.objects.filter(lifted_at=None, journey__isnull=False).values_list(
            "journey__name", flat=True
        )
    )
    for step in steps:
        now_in = step.article.journey if step.article else None
        if now_in in held and step.entry.journey not in (None, now_in):
            yield step.entry.refusal(
                "journey", f"the article's journey {now_in!r} is on hold; lift that first"
            )


def fact_types(steps: Iterable[Step]) -> Iterator[Refusal]:
    """Refuse a fact whose key has another type already, here or in the file."""
    known = held.fact_types(terms.key for step in steps for terms in step.entry.terms)
    for step in steps:
        for at, terms in enumerate(step.entry.terms):
            before = known.setdefault(terms.key, terms.type.value)
            if before != terms.type:
                yield step.entry.refusal(
                    f"facts[{at}].type",
                    f"{terms.key} is a {before}, not a {terms.type}; use its type or a new key",
                )


def collisions(
    by_key: Mapping[Key, Step], writings: Iterable[Writing], coming: Prospect
) -> Iterator[Refusal]:
    """Refuse the values of the file that contradict another one, at the same time and place."""
    for value, other, reason in facts.collisions(writings, coming):
        if value.key is None:
            continue
        if other.key is None:
            where = f"(the other stands in /a/{other.slug})"
        else:
            place = by_key[other.key].entry.place
            where = f"(the other stands in line {place.line} of {place.file})"
        yield by_key[value.key].entry.refusal(f"facts[{value.place}]", f"{reason} {where}")


def left_behind(
    by_key: Mapping[Key, Step],
    writings: Mapping[Key, Writing],
    coming: Prospect,
    now: datetime,
) -> Iterator[Refusal]:
    """A value that texts outside the file show is changed with them, by a change set, or not."""
    ended = [one for one in facts.lost(coming) if one.value.revision_id is not None]
    shown = held.renderers(
        {one.value.revision_id for one in ended if one.value.revision_id}, now=now
    )
    replaced = {writing.carrier for writing in writings.values()}
    for one in ended:
        others = {
            slug
            for article, language, slug in shown.get(one.value.revision_id or 0, ())
            if (article, language) not in replaced
        }
        if others:
            names = ", ".join(sorted(others)[:3]) + (" …" if len(others) > 3 else "")
            yield by_key[one.by].entry.refusal(
                "facts",
                f"{one.value.terms.key} would no longer be {one.value.terms.says()}, which texts "
                f"outside this file show ({names}). Change the fact by a change set, or bring "
                "those texts with it",
            )


def unknown_facts(steps: Iterable[Step], now: datetime) -> Iterator[Refusal]:
    """A draft may render facts that other drafts of the file carry; just not unheard-of ones."""
    known = {terms.key for step in steps for terms in step.entry.terms}
    if any(step.entry.fact_keys for step in steps):
        known |= {one.terms.key for one in held.governing_facts(now)}
    yield from fact_types(steps)
    for step in steps:
        for key in step.entry.fact_keys:
            if step.written and key not in known:
                yield step.entry.refusal(
                    "body",
                    f"refers to the fact {key}, but no policy in this file or in force carries "
                    "it; add the policy or correct the key",
                )
