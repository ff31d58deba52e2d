"""An import's versions put in force, and texts that its file no longer has taken out of it.

The same rules as in `publishing`, for many versions in a few statements, because answers wait
meanwhile. Called by `force` under the gate's fence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F, Q

from kb.actions.importing.held import RETIRED_BY_IMPORT
from kb.actions.importing.records import Key
from kb.actions.importing.steps import Plan, Step
from kb.actions.work import Work
from kb.models import ImportRun, Period, Version
from policies import lifecycle
from policies.lifecycle import State

_AT_ONCE = 500


@dataclass
class _Closing:
    """A period that ends earlier because a successor begins."""

    period: Period
    ends_at: datetime
    closed_by: int


def publish(
    doing: Work,
    run: ImportRun,
    plan: Plan,
    written: Mapping[Key, int],
    articles: Mapping[str, int],
    *,
    now: datetime,
) -> None:
    """Publish the run's reviewed versions at `now`: predecessors end first, carriers go ahead."""
    Version.objects.filter(import_run=run, state=State.in_review.value).update(
        state=State.published.value, published_at=now, decided_at=now, verified_at=now
    )
    steps = {step.entry.key: step for step in plan.steps}
    held = _alive([s.article.article_id for s in steps.values() if s.written and s.article], now)
    periods: list[Period] = []
    closings: list[_Closing] = []
    for key in plan.order:
        article = articles[key[0]]
        others = held.get((article, key[1]), [])
        period = _period(steps[key], written[key], article, others, now)
        periods.append(period)
        closings += _closings(period, others)
    _close(closings)
    Period.objects.bulk_create(periods, batch_size=_AT_ONCE)
    for closing in closings:
        doing.change(
            "superseded",
            closing.ends_at,
            article_id=closing.period.article_id,
            version_id=closing.period.version_id,
        )
    _announce(doing, run, periods, now)


def retire(doing: Work, run: ImportRun, plan: Plan, *, now: datetime) -> None:
    """Take the texts that the file no longer has out of service."""
    gone = {(article.article_id, key[1]) for key, article in plan.retiring}
    periods = [
        period
        for place, alive in _alive([article for article, _ in gone], now).items()
        if place in gone
        for period in alive
    ]
    Version.objects.filter(pk__in=[period.version_id for period in periods]).update(
        state=State.retired.value, decided_at=now
    )
    for period in periods:
        period.ends_at = max(period.starts_at, now)
        period.closed_by = None
        doing.record(
            RETIRED_BY_IMPORT,
            f"version:{period.version_id}",
            why=f"{run.file_name} of the source {run.source!r} no longer has it",
            new={"import": run.pk},
        )
        doing.change("retired", now, article_id=period.article_id, version_id=period.version_id)
    Period.objects.bulk_update(periods, ["ends_at", "closed_by"], batch_size=_AT_ONCE)


def _alive(articles: Sequence[int], now: datetime) -> dict[tuple[int, str], list[Period]]:
    """Return the periods that haven't ended, in order, by article and language."""
    rows = (
        Period.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=now),
            article__in=articles,
            version__state=State.published.value,
        )
        .exclude(ends_at=F("starts_at"))
        .order_by("starts_at")
    )
    found: dict[tuple[int, str], list[Period]] = {}
    for row in rows:
        found.setdefault((row.article_id, row.language), []).append(row)
    return found


def _period(
    step: Step, version_id: int, article_id: int, others: Sequence[Period], now: datetime
) -> Period:
    entry = step.entry
    wanted = lifecycle.period(
        published_at=now,
        effective_from=entry.effective_from,
        effective_until=entry.effective_until,
    )
    start = max(now, entry.effective_from) if entry.effective_from else now
    period = Period(
        version_id=version_id, article_id=article_id, language=entry.key[1], starts_at=start
    )
    if wanted is None:
        period.ends_at = start
        return period
    period.ends_at = wanted.end
    following = next((one for one in others if one.starts_at > start), None)
    if following and (wanted.end is None or following.starts_at < wanted.end):
        period.ends_at, period.closed_by_id = following.starts_at, following.version_id
    return period


def _closings(period: Period, others: Sequence[Period]) -> list[_Closing]:
    start = period.starts_at
    if period.ends_at == start:
        return []
    return [
        _Closing(one, start, period.version_id)
        for one in others
        if one.starts_at <= start and (one.ends_at is None or one.ends_at > start)
    ]


def _close(closings: Sequence[_Closing]) -> None:
    if not closings:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE kb_period p SET ends_at = u.ends_at, closed_by_id = u.closed_by
               FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) AS
                 u(id, ends_at, closed_by)
               WHERE p.id = u.id""",
            [
                [one.period.pk for one in closings],
                [one.ends_at for one in closings],
                [one.closed_by for one in closings],
            ],
        )


def _announce(doing: Work, run: ImportRun, periods: Sequence[Period], now: datetime) -> None:
    """Write ahead what time will do, and what was published by whose word."""
    made = Version.objects.filter(import_run=run).values_list("pk", "number", "digest")
    content = {pk: (number, digest) for pk, number, digest in made}
    for period in periods:
        version, article = period.version_id, period.article_id
        doing.change("published", now, article_id=article, version_id=version)
        if period.ends_at != period.starts_at:
            doing.change("in_effect", period.starts_at, article_id=article, version_id=version)
        if period.ends_at is not None and period.closed_by_id is None:
            doing.change("expired", period.ends_at, article_id=article, version_id=version)
        number, digest = content[version]
        doing.record(
            "publish",
            f"version:{version}",
            new={
                "digest": digest,
                "number": number,
                "starts_at": period.starts_at,
                "ends_at": period.ends_at,
                "import": run.pk,
            },
        )
