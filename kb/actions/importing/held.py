"""What is held already of an import's source, and which facts govern: read, never written.

Decides which version of a text an import compares itself with (the newest that was published) and
what counts as work in progress by people. Called by `plan`, before staging and again
under the locks of taking force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Q

from kb.actions import drafting, preparing
from kb.actions.importing.records import Key, content_digest
from kb.models import (
    Article,
    AuditEvent,
    Contributor,
    Fact,
    FactPeriod,
    PinnedFact,
    Version,
)
from policies.facts import FactTerms

RETIRED_BY_IMPORT = "retire_missing"
"""The audit action of a retirement that an import asked for: the next import may bring it back."""


@dataclass(frozen=True)
class OwnDraft:
    """A draft that an earlier import left and nobody has touched since."""

    version_id: int
    digest: str
    contributors: frozenset[int]


@dataclass
class HeldText:
    """An article's text in one language. `version_id` is the newest that was ever published."""

    version_id: int | None = None
    state: str = ""
    digest: str = ""
    imported: bool = False
    retired_by_import: bool = False
    governs: bool = False
    own_draft: OwnDraft | None = None
    open_work: str = ""


@dataclass
class HeldArticle:
    """An article of the source, and its texts by language."""

    article_id: int
    slug: str
    owner: str
    journey: str | None
    review_every_days: int | None
    texts: dict[str, HeldText] = field(default_factory=dict)


Held = Mapping[str, HeldArticle]
"""The source's articles by external id."""


@dataclass(frozen=True)
class Governs:
    """A fact's value that governs in `[starts_at, ends_at)`, and which text carries it."""

    terms: FactTerms
    starts_at: datetime
    ends_at: datetime | None
    carrier: tuple[int, str]
    slug: str
    revision_id: int

    def at(self, moment: datetime) -> bool:
        """Say whether it governs then."""
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


def held_of(source: str, *, now: datetime) -> Held:
    """Return what is held of `source`, whole."""
    rows = list(Article.objects.filter(source=source).select_related("owner_group", "journey"))
    articles = {
        row.pk: HeldArticle(
            article_id=row.pk,
            slug=row.slug,
            owner=row.owner_group.name,
            journey=row.journey.name if row.journey else None,
            review_every_days=row.review_every_days,
        )
        for row in rows
    }
    _add_published(source, articles, now)
    _add_open(source, articles)
    return {row.external_id: articles[row.pk] for row in rows}


def governing_facts(now: datetime) -> list[Governs]:
    """Return every fact value that governs now or will, by its carriers' periods."""
    rows = (
        FactPeriod.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now))
        .exclude(ends_at=F("starts_at"))
        .select_related("revision__fact", "period__article")
    )
    found = []
    for row in rows:
        (known,) = preparing.known_from([row.revision])
        found.append(
            Governs(
                terms=known.terms,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                carrier=(row.period.article_id, row.period.language),
                slug=row.period.article.slug,
                revision_id=row.revision_id,
            )
        )
    return found


def fact_types(keys: Iterable[str]) -> dict[str, str]:
    """Return the type of each fact that exists already."""
    return dict(Fact.objects.filter(key__in=set(keys)).values_list("key", "type"))


def pins_of(version_ids: Iterable[int]) -> dict[int, dict[str, FactTerms]]:
    """Return what each version was rendered from: version id -> fact key -> terms."""
    rows = PinnedFact.objects.filter(version__in=list(version_ids)).select_related("revision__fact")
    pins: dict[int, dict[str, FactTerms]] = {}
    for row in rows:
        (known,) = preparing.known_from([row.revision])
        pins.setdefault(row.version_id, {})[known.terms.key] = known.terms
    return pins


def renderers(
    revision_ids: Iterable[int], *, now: datetime
) -> dict[int, set[tuple[int, str, str]]]:
    """Return which texts in effect or scheduled show each revision.

    A text is (article id, language, slug).
    """
    rows = PinnedFact.objects.filter(
        Q(version__period__ends_at__isnull=True) | Q(version__period__ends_at__gt=now),
        revision__in=list(revision_ids),
        version__state="published",
    ).exclude(version__period__ends_at=F("version__period__starts_at"))
    found: dict[int, set[tuple[int, str, str]]] = {}
    names = ("revision_id", "version__article_id", "version__language", "version__article__slug")
    for revision, article, language, slug in rows.values_list(*names):
        found.setdefault(revision, set()).add((article, language, slug))
    return found


def keys_of(held: Held) -> set[Key]:
    """Return every text that is held."""
    return {(name, language) for name, article in held.items() for language in article.texts}


def _add_published(source: str, articles: Mapping[int, HeldArticle], now: datetime) -> None:
    newest = (
        Version.objects.filter(article__source=source, state__in=("published", "retired"))
        .order_by("article_id", "language", "-number")
        .distinct("article_id", "language")
    )
    by_version: dict[int, HeldText] = {}
    for version in newest.iterator(chunk_size=200):
        if version.article_id not in articles:
            continue  # made since we looked: the locks of taking force will see it
        text = HeldText(
            version_id=version.pk,
            state=version.state,
            digest=content_digest(drafting.content_of(version)),
            imported=version.import_run_id is not None,
        )
        articles[version.article_id].texts[version.language] = text
        by_version[version.pk] = text
    _mark_governing(source, articles, now)
    retired = [pk for pk, text in by_version.items() if text.state == "retired"]
    marks = AuditEvent.objects.filter(
        subject__in=[f"version:{pk}" for pk in retired], action=RETIRED_BY_IMPORT
    )
    for subject in marks.values_list("subject", flat=True):
        by_version[int(subject.partition(":")[2])].retired_by_import = True


def _mark_governing(source: str, articles: Mapping[int, HeldArticle], now: datetime) -> None:
    """Mark the texts of which any version is in effect or scheduled."""
    alive = Version.objects.filter(
        Q(period__ends_at__isnull=True) | Q(period__ends_at__gt=now),
        article__source=source,
        state="published",
        period__isnull=False,
    ).exclude(period__ends_at=F("period__starts_at"))
    for article_id, language in alive.values_list("article_id", "language"):
        if article_id in articles and language in articles[article_id].texts:
            articles[article_id].texts[language].governs = True


def _add_open(source: str, articles: Mapping[int, HeldArticle]) -> None:
    """Add drafts and versions in review: an import's own untouched draft, or people's work."""
    rows = Version.objects.filter(
        article__source=source, state__in=("draft", "in_review")
    ).select_related("edited_by")
    own = []
    for version in rows.iterator(chunk_size=200):
        if version.article_id not in articles:
            continue
        text = articles[version.article_id].texts.setdefault(version.language, HeldText())
        if version.state == "draft" and version.import_run_id and not version.edits:
            own.append((version, text))
        else:
            what = "a draft" if version.state == "draft" else f"version {version.number}, in review"
            text.open_work = f"{what}, by {version.edited_by}"
    people: dict[int, set[int]] = {}
    written = Contributor.objects.filter(version__in=[version.pk for version, _ in own])
    for version_id, person_id in written.values_list("version_id", "person_id"):
        people.setdefault(version_id, set()).add(person_id)
    for version, text in own:
        text.own_draft = OwnDraft(
            version_id=version.pk,
            digest=content_digest(drafting.content_of(version)),
            contributors=frozenset(people.get(version.pk, ())),
        )
