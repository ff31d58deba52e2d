"""Articles as import records: what may be served now, or all that is held.

Decides which text of an article stands for it, and that what an import reads back has the same
content. What isn't asked to be all goes through the gate like everything that leaves the service.
It never writes to the database. Called by the `export_articles` command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from kb import gate
from kb.actions.importing.records import Key
from kb.errors import Conflict
from kb.gate import Caller
from kb.models import StagedRecord, Version

_AT_ONCE = 200
_OPEN = ("in_review", "draft")


@dataclass(frozen=True)
class Exported:
    """One record, with the address of its article."""

    slug: str
    fields: dict[str, Any]


def choose_texts(*, source: str | None = None, everything: bool = False) -> list[int]:
    """Return the versions to export, one a text (article and language).

    What the gate serves to people inside; with `everything` also what is on hold, overdue or
    expired, and where nothing governs the scheduled, reviewed or drafted text.
    """
    return _all_texts(source) if everything else _served(source)


def export_articles(version_ids: Sequence[int]) -> Iterator[Exported]:
    """Yield the versions as records, by external id.

    Raises Conflict where two sources use one id: an export has one source.
    """
    reviewed = _reviewed_at()
    seen: dict[Key, str] = {}
    chosen = Version.objects.select_related("article__owner_group", "article__journey")
    ordered = chosen.filter(pk__in=version_ids).order_by("article__external_id", "language", "pk")
    for version in ordered.iterator(chunk_size=_AT_ONCE):
        article = version.article
        key = (article.external_id, version.language)
        if seen.setdefault(key, article.source) != article.source:
            raise Conflict(
                f"The sources {seen[key]!r} and {article.source!r} both have an article "
                f"{article.external_id!r}; export one with --source."
            )
        yield Exported(article.slug, _fields(version, reviewed.get((article.source, *key))))


def count_unserved(served: Collection[int], *, source: str | None = None) -> int:
    """Return how many texts are in effect but not `served`: on hold, overdue, and so on."""
    return len(set(_in_effect(source).values_list("pk", flat=True)) - set(served))


def _served(source: str | None) -> list[int]:
    caller, after, found = Caller(audience="internal"), 0, []
    while page := gate.read_library(caller=caller, after=after, limit=_AT_ONCE):
        found += [one.version_id for one in page]
        after = found[-1]
    if source is None:
        return found
    ours = Version.objects.filter(pk__in=found, article__source=source)
    return list(ours.values_list("pk", flat=True))


def _in_effect(source: str | None) -> QuerySet[Version]:
    now = gate.clock()
    rows = Version.objects.filter(
        Q(period__ends_at__isnull=True) | Q(period__ends_at__gt=now),
        state="published",
        period__starts_at__lte=now,
    )
    return rows if source is None else rows.filter(article__source=source)


def _all_texts(source: str | None) -> list[int]:
    """Return one version a text: in effect, or scheduled, in review, drafted, or once published."""
    in_effect = dict(_by_text(_in_effect(source)))
    rows = Version.objects.exclude(state__in=("returned", "withdrawn", "retired"))
    if source is not None:
        rows = rows.filter(article__source=source)
    now = gate.clock()
    scheduled = rows.filter(state="published", period__starts_at__gt=now).exclude(
        period__ends_at=F("period__starts_at")
    )
    found = dict(_by_text(rows.filter(state="published")))
    for state in reversed(_OPEN):
        found |= dict(_by_text(rows.filter(state=state)))
    found |= dict(_by_text(scheduled))
    return list((found | in_effect).values())


def _by_text(rows: QuerySet[Version]) -> Iterator[tuple[tuple[int, str], int]]:
    for article, language, pk in rows.order_by("pk").values_list("article_id", "language", "pk"):
        yield (article, language), pk


def _reviewed_at() -> dict[tuple[str, str, str], str]:
    """Return the latest imported `reviewed_at` of each text, by source, id and language."""
    rows = StagedRecord.objects.filter(run__state="in_force", content__reviewed_at__isnull=False)
    names = ("run__source", "content__id", "content__language", "content__reviewed_at")
    return {
        (of, external_id, language): at
        for of, external_id, language, at in rows.order_by("pk").values_list(*names)
        if at
    }


def _fields(version: Version, reviewed_at: str | None) -> dict[str, Any]:
    article = version.article
    fields = {
        "id": article.external_id,
        "title": version.title,
        "body": version.body,
        "kind": version.kind,
        "risk": version.risk if version.risk != "normal" else None,
        "audience": version.audience,
        "journey": article.journey.name if article.journey else None,
        "scope": version.scope or None,
        "language": version.language,
        "owner": article.owner_group.name,
        "effective_from": _written(version.effective_from),
        "effective_until": _written(version.effective_until),
        "reviewed_at": reviewed_at,
        "review_every_days": article.review_every_days,
        "facts": [_fact(one) for one in version.facts] or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _fact(fact: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fact.items() if value not in (None, "", {})}


def _written(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
