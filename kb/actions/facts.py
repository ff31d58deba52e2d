"""Changing a fact: one change set puts the policy and every text that renders it in force together.

Proposing makes the policy's next version and a machine-made successor of each version, in each
language, that renders the value and is in effect or scheduled at or after the chosen instant. They
are shown, signed and put in force as one. Facts are locked before they are looked at, so of two
changes one wins and the other gets a clear conflict with nothing half-done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from kb import access
from kb.actions import preparing, publishing, reviewing
from kb.actions.content import Content, canonical_fact, checked
from kb.actions.drafting import content_of, require_writer, submit
from kb.actions.locking import lock_articles, lock_facts
from kb.actions.reviewing import Signature
from kb.actions.work import Actor, Work, work
from kb.errors import Conflict, Invalid, NotFound
from kb.models import ChangeSet, FactRevision, Role, Version
from policies.lifecycle import State

_COMMENT = "A value that this text renders changes now: start again from it, nothing else is wrong."


@dataclass(frozen=True)
class Targets:
    """The versions that a change of one fact replaces: who carries it, and who renders it."""

    carriers: list[Version]
    renderers: list[Version]

    def ids(self) -> set[int]:
        """Return the ids of all of them."""
        return {one.pk for one in (*self.carriers, *self.renderers)}


def propose_fact_change(
    *,
    actor: Actor,
    key: str,
    value: object,
    note: str,
    unit: str | None = None,
    comparator: str | None = None,
    scope: Mapping[str, str] | None = None,
    effective_at: datetime | None = None,
) -> ChangeSet:
    """Propose another value of the fact `key` with exactly this scope; return the set, in review.

    `effective_at` None means at the moment of the last signature. Raises Invalid, NotFound (no
    policy in force states it) or NotPermitted.
    """
    if not note.strip():
        raise Invalid({"note": "say why the value changes; approvers read it"})
    with work(actor=actor) as doing:
        now = doing.now()
        if effective_at is not None and effective_at <= now:
            raise Invalid({"effective_at": "lies in the past; leave it out to change it at once"})
        old, targets = _locked_targets(key, dict(scope or {}), effective_at or now)
        for version in targets.carriers:
            person = require_writer(actor, version.article)
        new = _declaration(old, value=value, unit=unit, comparator=comparator)
        change_set = ChangeSet.objects.create(
            proposed_by=person,
            note=note.strip(),
            effective_at=effective_at,
            created_at=now,
        )
        _write_successors(doing, change_set, old, new, targets)
        doing.record(
            "propose_fact_change",
            f"change_set:{change_set.pk}",
            old={"fact": key, "value": old.display},
            new={"value": preparing.terms_of(new).says(), "versions": len(targets.ids())},
            why=note,
        )
        return change_set


def approve_change_set(
    *,
    actor: Actor,
    change_set_id: int,
    digests: Mapping[int, str],
    signature: Signature,
    comment: str = "",
) -> ChangeSet:
    """Sign every version of a set as it was shown; the last signature puts all in force at once.

    `digests` maps version id to the digest that was read. Raises Conflict where the texts that
    render the fact changed meanwhile, or what `reviewing.approve_version` raises.
    """
    with work(actor=actor) as doing:
        change_set, versions = _locked(change_set_id)
        _refuse_outdated(change_set, versions, doing.now())
        if set(digests) != {version.pk for version in versions}:
            raise Conflict(
                "The set doesn't hold the versions you were shown. Read it again, then decide.",
                code="changed_while_you_looked",
            )
        for version in versions:
            reviewing.sign(
                doing,
                version,
                digest=digests[version.pk],
                signature=signature,
                comment=comment,
            )
        doing.record("approve_change_set", f"change_set:{change_set.pk}", why=comment)
        if all(reviewing.approved(version) for version in versions):
            _put_in_force(doing, change_set, versions)
        return change_set


def close_change_set(*, actor: Actor, change_set_id: int, decision: str, comment: str) -> ChangeSet:
    """Return a set to its author (`decision` returned) or withdraw it (`withdrawn`), as a whole.

    Raises Invalid, Conflict or NotPermitted: approvers return, the proposer or an approver
    withdraws.
    """
    if decision not in ("returned", "withdrawn"):
        raise Invalid({"decision": f"{decision!r} isn't returned or withdrawn"})
    if not comment.strip():
        raise Invalid({"comment": "say why; the author reads only this"})
    with work(actor=actor) as doing:
        change_set, versions = _locked(change_set_id)
        mine = actor.person is not None and change_set.proposed_by_id == actor.person.pk
        for version in versions:
            if decision == "returned" or not mine:
                person = access.require_role(actor.person, Role.APPROVER, version.article)
            if decision == "returned":
                reviewing.give_back(doing, version, reviewer=person, comment=comment)
            else:
                version.state, version.decided_at = State.withdrawn.value, doing.now()
                version.save(update_fields=["state", "decided_at"])
        change_set.state, change_set.decided_at = decision, doing.now()
        change_set.save(update_fields=["state", "decided_at"])
        doing.record(f"{decision}_change_set", f"change_set:{change_set.pk}", why=comment)
        return change_set


def affected(revision: FactRevision, at: datetime) -> Targets:
    """Return the versions in effect or scheduled at or after `at` that carry or render a value."""
    alive = (
        Version.objects.filter(state=State.published.value)
        .filter(Q(period__ends_at__isnull=True) | Q(period__ends_at__gt=at))
        .exclude(period__ends_at=F("period__starts_at"))
        .select_related("article__owner_group", "period")
        .order_by("pk")
    )
    carriers = list(alive.filter(carried__revision=revision).distinct())
    renderers = list(
        alive.filter(pins__revision=revision)
        .exclude(pk__in=[version.pk for version in carriers])
        .distinct()
    )
    return Targets(carriers=carriers, renderers=renderers)


def _governing(key: str, scope: dict[str, str], at: datetime) -> FactRevision:
    for known in preparing.governing_at([key], at):
        if dict(known.terms.scope) == scope and known.revision is not None:
            return known.revision
    where = f" with the scope {scope}" if scope else ""
    raise NotFound(f"No policy that is in force then states {key}{where}.")


def _locked_targets(key: str, scope: dict[str, str], at: datetime) -> tuple[FactRevision, Targets]:
    """Return the value that governs and what it would change, with articles and fact locked.

    Articles come before facts, as everywhere; which ones is only known for sure under the locks.
    """
    expected = affected(_governing(key, scope, at), at)
    lock_articles(one.article_id for one in (*expected.carriers, *expected.renderers))
    lock_facts([key])
    old = _governing(key, scope, at)
    targets = affected(old, at)
    if targets.ids() != expected.ids() or not targets.carriers:
        raise Conflict("Somebody else was changing a text that shows this value. Try again.")
    return old, targets


def _declaration(
    old: FactRevision, *, value: object, unit: str | None, comparator: str | None
) -> dict[str, Any]:
    try:
        new = canonical_fact(
            {
                "key": old.fact.key,
                "type": old.fact.type,
                "comparator": comparator or old.comparator,
                "value": value,
                "unit": unit if unit is not None else old.unit,
                "scope": old.scope,
                "effective_from": old.valid_from,
                "effective_until": old.valid_until,
            }
        )
    except ValueError as error:
        raise Invalid({"value": str(error)}) from error
    terms = preparing.terms_of(new)
    if (terms.canonical.comparable, terms.comparator) == (old.canonical, old.comparator):
        raise Invalid({"value": f"{old.fact.key} is {old.display} already"})
    return new


def _write_successors(
    doing: Work,
    change_set: ChangeSet,
    old: FactRevision,
    new: dict[str, Any],
    targets: Targets,
) -> None:
    for version in targets.carriers:
        facts = tuple(
            new if (one["key"], one["scope"]) == (old.fact.key, old.scope) else one
            for one in version.facts
        )
        _successor(doing, change_set, version, replace(content_of(version), facts=facts), ())
    revision = preparing.revisions_for([new], doing.now())
    also = tuple(preparing.known_from(revision))
    for version in targets.renderers:
        _successor(doing, change_set, version, content_of(version), also)


def _successor(
    doing: Work,
    change_set: ChangeSet,
    of: Version,
    content: Content,
    also: tuple[preparing.Known, ...],
) -> None:
    now = doing.now()
    starts = [change_set.effective_at, of.period.starts_at if of.period.starts_at > now else None]
    future = [instant for instant in starts if instant is not None]
    effective_from = max(future) if future else None
    good = checked(replace(content, effective_from=effective_from, change_note=change_set.note))
    version = Version.objects.create(
        article=of.article,
        language=of.language,
        based_on=of,
        author=change_set.proposed_by,
        edited_by=change_set.proposed_by,
        created_at=now,
        edited_at=now,
        change_set=change_set,
        **good.as_fields(),
    )
    submit(doing, version, also)


def _locked(change_set_id: int) -> tuple[ChangeSet, list[Version]]:
    """Lock a set in review with its articles, facts and versions, and what it would return."""
    change_set = ChangeSet.objects.select_for_update().filter(pk=change_set_id).first()
    if change_set is None:
        raise NotFound("There is no such change set, or it isn't yours to see.")
    if change_set.state != "in_review":
        raise Conflict(f"This change set is {change_set.state} already.")
    mine = Version.objects.filter(change_set=change_set)
    waiting = _waiting(_replaced_by(mine))
    lock_articles(one.article_id for one in (*mine, *waiting))
    lock_facts(key for version in mine for key in preparing.fact_keys(version))
    versions = list(
        mine.select_related("article__owner_group", "based_on", "change_set")
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    return change_set, versions


def _replaced_by(versions: Iterable[Version]) -> QuerySet[FactRevision]:
    """Return the revisions that the texts under these versions carry and they don't."""
    held = list(versions)
    return (
        FactRevision.objects.filter(carriers__version__in=[one.based_on_id for one in held])
        .exclude(carriers__version__in=[one.pk for one in held])
        .distinct()
    )


def _waiting(replaced: Iterable[FactRevision]) -> QuerySet[Version]:
    """Return what is in review with a value that is replaced; other sets are told when signed."""
    revisions = [one.pk for one in replaced]
    return (
        Version.objects.filter(state=State.in_review.value, change_set=None)
        .filter(Q(pins__revision__in=revisions) | Q(carried__revision__in=revisions))
        .select_related("article__owner_group")
        .distinct()
    )


def _refuse_outdated(change_set: ChangeSet, versions: Sequence[Version], now: datetime) -> None:
    """A set is signed as the library stands: each text it replaces, and no other one."""
    at = max(now, change_set.effective_at) if change_set.effective_at else now
    expected: set[int] = set()
    for revision in _replaced_by(versions):
        expected |= affected(revision, at).ids()
    if not expected or expected != {one.based_on_id for one in versions}:
        raise Conflict(
            "The fact, or a text that renders it, changed since this was proposed. "
            "Withdraw the set and propose the change again.",
            code="changed_while_you_looked",
        )


def _put_in_force(doing: Work, change_set: ChangeSet, versions: Sequence[Version]) -> None:
    person = access.require_role(doing.actor.person, Role.APPROVER)
    carriers = {row.version_id for version in versions for row in version.carried.all()}
    ordered = sorted(versions, key=lambda one: (one.pk not in carriers, one.pk))
    for version in list(_waiting(_replaced_by(versions))):
        reviewing.give_back(doing, version, reviewer=person, comment=_COMMENT)
    now = publishing.put_in_force(doing, ordered)
    change_set.state, change_set.decided_at = "published", now
    change_set.save(update_fields=["state", "decided_at"])
    at = max(now, change_set.effective_at) if change_set.effective_at else now
    for version in ordered:
        if version.pk in carriers:
            doing.change("fact_changed", at, article_id=version.article_id, version_id=version.pk)
    doing.record("put_change_set_in_force", f"change_set:{change_set.pk}", new={"at": at})
