"""The fact values of an import, as rows: revisions, who carries them, who renders them.

Written while the versions are drafts; the database refuses it later. Many at once, where
`preparing` writes for one version. Called by `force` within its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kb.actions import preparing
from kb.actions.importing.records import Key
from kb.actions.importing.steps import Plan
from kb.models import CarriedFact, Fact, FactRevision, PinnedFact
from policies.facts import FactTerms

_AT_ONCE = 500
_Identity = tuple[object, ...]


def write(plan: Plan, written: Mapping[Key, int], *, now: datetime) -> None:
    """Write what the versions in `written` (text -> version id) carry and render."""
    steps = [step for step in plan.steps if step.entry.key in written]
    carried = [terms for step in steps for terms in step.entry.terms]
    shown = [value.terms for step in steps for value in step.pins.values()]
    if not carried and not shown:
        return
    ids = _revision_ids([*carried, *shown], now)
    carriers: dict[tuple[int, int], None] = {}
    pins: dict[tuple[int, int], None] = {}
    for step in steps:
        version_id = written[step.entry.key]
        carriers |= {(version_id, ids[_identity(terms)]): None for terms in step.entry.terms}
        pins |= {(version_id, ids[_identity(v.terms)]): None for v in step.pins.values()}
    CarriedFact.objects.bulk_create(
        (CarriedFact(version_id=version, revision_id=row) for version, row in carriers),
        batch_size=_AT_ONCE,
    )
    PinnedFact.objects.bulk_create(
        (PinnedFact(version_id=version, revision_id=row) for version, row in pins),
        batch_size=_AT_ONCE,
    )


def _revision_ids(terms: Iterable[FactTerms], now: datetime) -> dict[_Identity, int]:
    """Return the revision's id of each of the terms, made where there is none."""
    wanted = {_identity(one): one for one in terms}
    types = {one.key: one.type.value for one in wanted.values()}
    Fact.objects.bulk_create(
        (Fact(key=key, type=kind) for key, kind in sorted(types.items())), ignore_conflicts=True
    )
    facts = dict(Fact.objects.filter(key__in=types).values_list("key", "pk"))
    found = _known(types)
    missing = [one for identity, one in wanted.items() if identity not in found]
    FactRevision.objects.bulk_create(
        (
            FactRevision(
                fact_id=facts[one.key],
                number=0,
                comparator=one.comparator.value,
                value=one.value,
                unit=one.unit or "",
                canonical=one.canonical.comparable,
                display=one.says(),
                scope=dict(one.scope),
                valid_from=one.valid_from,
                valid_until=one.valid_until,
                digest="",
                created_at=now,
            )
            for one in missing
        ),
        batch_size=_AT_ONCE,
    )
    return _known(types) if missing else found


def _known(keys: Iterable[str]) -> dict[_Identity, int]:
    rows = FactRevision.objects.select_related("fact").filter(fact__key__in=list(keys))
    return {
        _identity(known.terms): known.revision.pk
        for known in preparing.known_from(rows)
        if known.revision
    }


def _identity(terms: FactTerms) -> _Identity:
    """Return what two equal revisions have in common."""
    scope = tuple(sorted(terms.scope.items()))
    span = (terms.valid_from, terms.valid_until)
    return (terms.key, terms.comparator, terms.value, terms.unit or "", scope, *span)
