"""Putting versions in force and taking them out: periods, successors, retirement, verification.

`put_in_force` is called by reviewing, change sets and importing with versions that have their
approvals; the database checks those again. Every action here that revokes something takes the
gate's fence just before it writes, and its instant is the clock under that fence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet

from kb import access
from kb.actions import preparing
from kb.actions.locking import lock_facts, lock_version
from kb.actions.work import Actor, Work, ensure, work
from kb.errors import Invalid, Refused
from kb.models import Period, Role, Verification, Version
from policies import lifecycle
from policies.lifecycle import Move, State, may_move


def put_in_force(doing: Work, versions: Sequence[Version]) -> datetime:
    """Publish locked versions in review, together, at one instant; return it.

    Carriers of facts must come before the versions that render them. Predecessors' periods are
    closed first, all of them, so that no value stands beside its own successor.
    """
    replaced = Period.objects.filter(
        article__in={v.article_id for v in versions}, version__state="published"
    )
    touched = {v.article_id for v in versions}
    touched |= preparing.pinning_articles(replaced.values_list("version_id", flat=True))
    now = doing.fence(touched)
    for version in versions:
        ensure(may_move(State(version.state), Move.publish))
        version.state = State.published.value
        version.published_at = version.decided_at = version.verified_at = now
        version.save(update_fields=["state", "published_at", "decided_at", "verified_at"])
    plans = [_plan(version, now) for version in versions]
    for version, period in zip(versions, plans, strict=True):
        _close_predecessor(doing, version, period)
    for version, period in zip(versions, plans, strict=True):
        period.save()
        _announce(doing, version, period, now)
    return now


def retire_version(*, actor: Actor, version_id: int, why: str) -> Version:
    """Take a published version out of service at once, for a reason; return it.

    One that hasn't begun gives its predecessor back the end it had. Raises Refused or NotPermitted.
    """
    if not why.strip():
        raise Invalid({"why": "say why it is retired; the reason is kept with it"})
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        access.require_role(actor.person, Role.APPROVER, version.article)
        ensure(may_move(State(version.state), Move.retire))
        # Whoever is putting a text in force that renders one of its values has done so, or waits.
        lock_facts(preparing.fact_keys(version))
        now = doing.fence({version.article_id} | preparing.pinning_articles([version.pk]))
        version.state = State.retired.value
        version.decided_at = now
        version.save(update_fields=["state", "decided_at"])
        period = Period.objects.filter(version=version).first()
        if period is not None:
            _end_early(doing, period, now)
        doing.record("retire", f"version:{version.pk}", why=why)
        doing.change("retired", now, article_id=version.article_id, version_id=version.pk)
        return version


def verify_version(*, actor: Actor, version_id: int, note: str = "") -> Version:
    """Renew what governs without a change: its review clock starts anew; return the version."""
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        person = access.require_role(actor.person, Role.APPROVER, version.article)
        if version.state != State.published:
            raise Refused("Only a published version can be verified.", code="illegal_move")
        old, now = version.verified_at, doing.now()
        version.verified_at = now
        version.save(update_fields=["verified_at"])
        Verification.objects.create(version=version, person=person, note=note, verified_at=now)
        doing.record("verify", f"version:{version.pk}", old=old, new=now, why=note)
        return version


def _plan(version: Version, now: datetime) -> Period:
    """Return the unsaved period of a version published at `now`; never one that begins earlier."""
    wanted = lifecycle.period(
        published_at=now,
        effective_from=version.effective_from,
        effective_until=version.effective_until,
    )
    start = max(now, version.effective_from) if version.effective_from else now
    period = Period(
        version=version, article_id=version.article_id, language=version.language, starts_at=start
    )
    if wanted is None:
        period.ends_at = start
        return period
    following = _others(version).filter(starts_at__gt=start).order_by("starts_at").first()
    period.ends_at = wanted.end
    if following and (wanted.end is None or following.starts_at < wanted.end):
        period.ends_at, period.closed_by_id = following.starts_at, following.version_id
    return period


def _others(version: Version) -> QuerySet[Period]:
    """Return the periods of the article and language that aren't empty, but for the version's."""
    return (
        Period.objects.filter(article_id=version.article_id, language=version.language)
        .exclude(version=version)
        .filter(Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")))
    )


def _close_predecessor(doing: Work, version: Version, period: Period) -> None:
    if period.ends_at == period.starts_at:
        return
    start = period.starts_at
    before = (
        _others(version)
        .filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start), starts_at__lte=start)
        .first()
    )
    if before is None:
        return
    before.ends_at, before.closed_by = start, version
    before.save(update_fields=["ends_at", "closed_by"])
    doing.change("superseded", start, article_id=before.article_id, version_id=before.version_id)


def _announce(doing: Work, version: Version, period: Period, now: datetime) -> None:
    """Write ahead what time will do: takes effect, expires."""
    article, pk = version.article_id, version.pk
    doing.change("published", now, article_id=article, version_id=pk)
    if period.ends_at != period.starts_at:
        doing.change("in_effect", period.starts_at, article_id=article, version_id=pk)
    if period.ends_at is not None and period.closed_by_id is None:
        doing.change("expired", period.ends_at, article_id=article, version_id=pk)
    doing.record(
        "publish",
        f"version:{pk}",
        new={
            "digest": version.digest,
            "number": version.number,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
        },
    )


def _end_early(doing: Work, period: Period, now: datetime) -> None:
    if period.ends_at is not None and period.ends_at <= now:
        return
    began = period.starts_at <= now
    period.ends_at = now if began else period.starts_at
    period.closed_by = None
    period.save(update_fields=["ends_at", "closed_by"])
    if not began:
        _give_back_end(doing, period)


def _give_back_end(doing: Work, gone: Period) -> None:
    """Reopen the period that the retired version would have closed at its start."""
    before = Period.objects.select_related("version").filter(closed_by=gone.version).first()
    if before is None or before.version.state != State.published:
        return
    end = before.version.effective_until
    following = _others(before.version).filter(starts_at__gte=gone.starts_at).exclude(pk=gone.pk)
    first = following.order_by("starts_at").first()
    before.ends_at, before.closed_by = end, None
    if first and (end is None or first.starts_at < end):
        before.ends_at, before.closed_by_id = first.starts_at, first.version_id
    before.save(update_fields=["ends_at", "closed_by"])
    kind = "superseded" if before.closed_by_id else "expired"
    if before.ends_at is not None:
        doing.change(
            kind, before.ends_at, article_id=before.article_id, version_id=before.version_id
        )
    else:
        doing.change(
            "in_effect", before.starts_at, article_id=before.article_id,
            version_id=before.version_id,
        )  # fmt: skip
