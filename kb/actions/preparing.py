"""What a version becomes at submission: its facts as revisions, its pins, its passages.

Everything written here is covered by the digest that the database computes when the version moves
to review. Called by drafting, change sets and importing, inside their transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from kb.errors import Conflict, Invalid
from kb.models import CarriedFact, Fact, FactRevision, Passage, PinnedFact, Version
from kb.search.embedding import embedding_key
from kb.text import passages, rendering
from policies import facts


@dataclass(frozen=True)
class Known:
    """A fact revision that a text may render: what it says, and its row (None before it exists)."""

    terms: facts.FactTerms
    revision: FactRevision | None = None


def terms_of(declared: Mapping[str, Any]) -> facts.FactTerms:
    """Return a declaration (`content.canonical_fact`) as the terms that the rules compare."""
    return facts.FactTerms(
        key=declared["key"],
        type=facts.FactType(declared["type"]),
        comparator=facts.Comparator(declared["comparator"]),
        value=declared["value"],
        unit=declared["unit"] or None,
        scope=declared["scope"],
        valid_from=_instant(declared["effective_from"]),
        valid_until=_instant(declared["effective_until"]),
    )


def known_from(revisions: Iterable[FactRevision]) -> list[Known]:
    """Return rows as what a text may render."""
    return [
        Known(
            terms=facts.FactTerms(
                key=row.fact.key,
                type=facts.FactType(row.fact.type),
                comparator=facts.Comparator(row.comparator),
                value=row.value,
                unit=row.unit or None,
                scope=row.scope,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            ),
            revision=row,
        )
        for row in revisions
    ]


def governing_at(keys: Iterable[str], at: datetime) -> list[Known]:
    """Return the revisions of `keys` that govern at `at`, by their carriers' periods."""
    rows = FactRevision.objects.select_related("fact").filter(
        Q(periods__ends_at__isnull=True) | Q(periods__ends_at__gt=at),
        fact__key__in=list(keys),
        periods__starts_at__lte=at,
    )
    return known_from(rows.distinct())


def revisions_for(declared: Sequence[Mapping[str, Any]], now: datetime) -> list[FactRevision]:
    """Return the revision row of each declaration, made where no equal one exists.

    Raises Invalid where a key exists with another type.
    """
    return [_revision(terms_of(one), now) for one in declared]


def chosen(version: Version, known: Sequence[Known]) -> dict[str, Known]:
    """Return, for each fact the body refers to, the revision that it renders.

    Raises Invalid naming the fact where none of `known` governs for the version's scope.
    """
    result: dict[str, Known] = {}
    for key in rendering.fact_keys(version.body):
        ours = [one for one in known if one.terms.key == key]
        winner = facts.governing([one.terms for one in ours], version.scope)
        if winner is None:
            why = (
                "no policy in force carries it; publish the policy first or correct the key"
                if not ours
                else "its value depends on a scope that this text doesn't name; set the scope"
            )
            raise Invalid({"body": f"refers to the fact {key}, but {why}"}, code="unknown_fact")
        result[key] = next(one for one in ours if one.terms == winner)
    return result


def passage_rows(version: Version, displays: Mapping[str, str]) -> list[Passage]:
    """Return the unsaved passages of a version whose facts read as `displays`."""
    body = rendering.render(version.body, displays)
    parts = passages.split(title=version.title, body=body, audience=version.audience)
    if not parts:
        raise Invalid({"body": "has no text that could be served; write at least a sentence"})
    return [
        Passage(
            version=version,
            ordinal=part.ordinal,
            headings=list(part.headings),
            text=part.text,
            html=part.html,
            audience=str(part.audience),
            placeholder=part.placeholder,
            embedding_key=embedding_key(version.title, part.headings, part.text),
        )
        for part in parts
    ]


def prepare(version: Version, *, now: datetime, also: Sequence[Known] = ()) -> None:
    """Write what hangs on `version`: carried facts, pins and passages. It must be a saved draft.

    `also` are revisions that will govern with it (a change set's). Raises Invalid.
    """
    start = max(now, version.effective_from) if version.effective_from else now
    carried = revisions_for(version.facts, now)
    own = known_from(carried)
    others = [
        one
        for one in governing_at(rendering.fact_keys(version.body), start)
        if not _replaced(one, (*own, *also))
    ]
    pins = chosen(version, [*own, *also, *others])
    distinct = {row.pk: row for row in carried}
    CarriedFact.objects.bulk_create(
        CarriedFact(version=version, revision=row) for row in distinct.values()
    )
    pinned = {one.revision.pk: one.revision for one in pins.values() if one.revision}
    PinnedFact.objects.bulk_create(
        PinnedFact(version=version, revision=row) for row in pinned.values()
    )
    displays = {key: one.terms.says() for key, one in pins.items()}
    Passage.objects.bulk_create(passage_rows(version, displays), batch_size=500)


def superseded_pins(version: Version, at: datetime) -> list[str]:
    """Return the keys of facts that `version` renders by a value that doesn't govern at `at`.

    A value that the version itself carries will govern with it.
    """
    pinned = FactRevision.objects.filter(pinned_by__version=version).exclude(
        carriers__version=version
    )
    governing = pinned.filter(
        Q(periods__ends_at__isnull=True) | Q(periods__ends_at__gt=at), periods__starts_at__lte=at
    )
    return list(
        pinned.exclude(pk__in=governing.values("pk")).values_list("fact__key", flat=True).distinct()
    )


def fact_keys(version: Version) -> set[str]:
    """Return the facts whose values depend on `version` or on which it depends.

    Those that it renders or carries, and those of the versions that it would replace.
    """
    carried = CarriedFact.objects.filter(
        Q(version=version) | Q(version__in=_replaceable(version).values("pk"))
    )
    rows = FactRevision.objects.filter(
        Q(pk__in=version.pins.values("revision")) | Q(pk__in=carried.values("revision"))
    )
    return set(rows.values_list("fact__key", flat=True))


def refuse_silent_fact_change(version: Version, now: datetime) -> None:
    """Raise Conflict (`needs_change_set`) where `version` changes a value that other texts render.

    Such a value is changed with those texts, together, or not at all; the same value with another
    period of its own is another revision too. Call it under the locks of `fact_keys`.
    """
    declared = {(one["key"], _scope_key(one["scope"])): terms_of(one) for one in version.facts}
    alive = _replaceable(version).filter(
        Q(period__ends_at__isnull=True) | Q(period__ends_at__gt=now)
    )
    elsewhere = PinnedFact.objects.filter(
        revision__carriers__version__in=alive.values("pk"), version__state="published"
    ).exclude(version__article=version.article_id, version__language=version.language)
    rows = FactRevision.objects.select_related("fact").filter(pk__in=elsewhere.values("revision"))
    for known in known_from(rows):
        was = known.terms
        if declared.get((was.key, _scope_key(was.scope))) == was:
            continue
        raise Conflict(
            f"Other texts render {was.key} ({was.says()}). Change the fact itself: "
            "a change set puts every text that shows it in force at the same instant.",
            code="needs_change_set",
        )


def pinning_articles(version_ids: Iterable[int]) -> set[int]:
    """Return the articles whose texts render a value that one of these versions carries."""
    rows = PinnedFact.objects.filter(
        revision__carriers__version__in=list(version_ids),
        version__state="published",
    )
    return set(rows.values_list("version__article_id", flat=True))


def _replaceable(version: Version) -> QuerySet[Version]:
    """Return the published versions in whose place `version` would stand."""
    return Version.objects.filter(
        article=version.article_id, language=version.language, state="published"
    ).exclude(pk=version.pk)


def _scope_key(scope: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(scope.items()))


def _replaced(one: Known, by: Sequence[Known]) -> bool:
    """Say whether a newer revision of the same key and scope stands in for this one."""
    return any(new.terms.key == one.terms.key and new.terms.scope == one.terms.scope for new in by)


def _revision(terms: facts.FactTerms, now: datetime) -> FactRevision:
    fact, _made = Fact.objects.get_or_create(key=terms.key, defaults={"type": terms.type.value})
    if fact.type != terms.type:
        raise Invalid(
            {
                "facts": f"{terms.key} is a {fact.type}, not a {terms.type}; "
                "use its type or a new key"
            }
        )
    same = FactRevision.objects.select_related("fact").filter(
        fact=fact,
        comparator=terms.comparator.value,
        value=terms.value,
        unit=terms.unit or "",
        scope=dict(terms.scope),
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
    )
    found = same.first()
    if found is not None:
        return found
    FactRevision.objects.create(
        fact=fact,
        number=0,
        comparator=terms.comparator.value,
        value=terms.value,
        unit=terms.unit or "",
        canonical=terms.canonical.comparable,
        display=terms.says(),
        scope=dict(terms.scope),
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        digest="",
        created_at=now,
    )
    return same.get()


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
