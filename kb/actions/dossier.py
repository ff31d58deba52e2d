"""Everything about one version that its pages show: text as it is served, facts, reviews, holds.

It reads and never writes. The version comes from `kb.access`, which has decided that it is the
reader's; what agents see comes from `agents`, through the gate. Called by the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from kb import access, gate
from kb.actions import holding, listing, preparing
from kb.actions.content import Content
from kb.actions.listing import IN_EFFECT, Line
from kb.errors import NotFound
from kb.gate import Judged
from kb.models import AnswerPassage, Article, FactRevision, Hold, Person, Review, Version
from kb.text import passages, rendering
from policies import audience, facts

NO_VALUE = "[no value]"


@dataclass(frozen=True)
class Part:
    """A passage to read: its headings that are new after the one before it, and its HTML.

    `narrow` says that it is for fewer people than the article; `held` that it is out of service.
    """

    headings: tuple[tuple[int, str], ...]
    html: str
    audience: str
    narrow: bool
    digest: str = ""
    held: bool = False
    placeholder: bool = False


@dataclass(frozen=True)
class Stated:
    """A value that a version carries or renders."""

    key: str
    display: str
    scope: dict[str, str]


@dataclass(frozen=True)
class Dossier:
    """A version with all that hangs on it."""

    version: Version
    line: Line
    parts: list[Part]
    reviews: list[Review]
    carried: list[Stated]
    rendered: list[Stated]
    holds: list[Hold]
    missing: tuple[str, ...] = ()


def dossier(version: Version) -> Dossier:
    """Return the version with its text as it is or would be served."""
    line = listing.lines(where="v.id = %(id)s", order="v.id", values={"id": version.pk})[0]
    missing: tuple[str, ...] = ()
    if version.number is None:
        shown, missing = drafted(
            Content(
                title=version.title,
                body=version.body,
                kind=version.kind,
                audience=version.audience,
                scope=version.scope,
                effective_from=version.effective_from,
                facts=tuple(version.facts),
            )
        )
    else:
        shown = submitted(version)
    return Dossier(
        version=version,
        line=line,
        parts=shown,
        reviews=list(version.reviews.select_related("reviewer", "import_run").order_by("pk")),
        carried=_stated(FactRevision.objects.filter(carriers__version=version)),
        rendered=_stated(FactRevision.objects.filter(pinned_by__version=version)),
        holds=holding.open_holds(version),
        missing=missing,
    )


def submitted(version: Version) -> list[Part]:
    """Return the stored passages of a submitted version, as they are served."""
    rows = list(version.passages.order_by("ordinal"))
    held = set(
        Hold.objects.filter(
            lifted_at=None, passage_digest__in=[row.digest for row in rows]
        ).values_list("passage_digest", flat=True)
    )
    headings = _new_headings([row.headings for row in rows])
    return [
        Part(
            headings=new,
            html=row.html,
            audience=row.audience,
            narrow=row.audience != version.audience,
            digest=row.digest,
            held=row.digest in held,
            placeholder=row.placeholder,
        )
        for row, new in zip(rows, headings, strict=True)
    ]


def drafted(content: Content) -> tuple[list[Part], tuple[str, ...]]:
    """Return a draft's text as it would be served now, and the keys of facts without a value."""
    at = gate.clock()
    keys = rendering.fact_keys(content.body)
    own = [preparing.terms_of(one) for one in content.facts]
    taken = {(one.key, tuple(sorted(one.scope.items()))) for one in own}
    known = own + [
        one.terms
        for one in preparing.governing_at(keys, max(at, content.effective_from or at))
        if (one.terms.key, tuple(sorted(one.terms.scope.items()))) not in taken
    ]
    displays: dict[str, str] = {}
    for key in keys:
        winner = facts.governing([one for one in known if one.key == key], content.scope)
        if winner is not None:
            displays[key] = winner.says()
    missing = tuple(key for key in keys if key not in displays)
    shown = {**dict.fromkeys(missing, NO_VALUE), **displays}
    rows = passages.split(
        title=content.title,
        body=rendering.render(content.body, shown),
        audience=audience.parse(content.audience),
    )
    headings = _new_headings([row.headings for row in rows])
    return [
        Part(
            headings=new,
            html=row.html,
            audience=row.audience,
            narrow=row.audience != content.audience,
            placeholder=row.placeholder,
        )
        for row, new in zip(rows, headings, strict=True)
    ], missing


def versions_of(article: Article, *, limit: int = 20) -> list[Line]:
    """Return the article's versions, the newest first."""
    return listing.lines(
        where="a.id = %(article)s", order="v.id DESC", limit=limit, values={"article": article.pk}
    )


def governing(article: Article) -> list[Line]:
    """Return what is in effect of the article: at most one version a language."""
    return listing.lines(
        where=f"a.id = %(article)s AND {IN_EFFECT}",
        order="v.language",
        values={"article": article.pk},
    )


def numbered(person: Person, article: Article, number: int) -> Version:
    """Fetch an article's version by its number. Raises NotFound, also where it isn't theirs."""
    found = access.versions(person).filter(article=article, number=number).first()
    if found is None:
        raise NotFound("There is no such version, or it isn't yours to see.")
    return found


def predecessor(version: Version) -> Version | None:
    """Return what a version would follow: what is in effect in its language, or its basis."""
    found = listing.lines(
        where="a.id = %(article)s AND v.language = %(language)s AND v.id <> %(id)s AND "
        + IN_EFFECT,
        order="v.id DESC",
        values={
            "article": version.article_id,
            "language": version.language,
            "id": version.pk,
        },
        limit=1,
    )
    if found:
        return Version.objects.select_related("article").get(pk=found[0].version_id)
    return version.based_on


def open_work(article: Article, language: str) -> Version | None:
    """Return the draft or the version in review of the article in that language, if any."""
    return (
        Version.objects.filter(article=article, language=language, state__in=["draft", "in_review"])
        .select_related("author")
        .order_by("-pk")
        .first()
    )


def parts_of(judged: Sequence[Judged]) -> list[Part]:
    """Return what the gate let through as parts, those for fewer people than the rest marked."""
    base = min(audience.parse(one.audience) for one in judged) if judged else None
    headings = _new_headings([one.headings for one in judged])
    return [
        Part(
            headings=new,
            html=one.html,
            audience=one.audience,
            narrow=audience.parse(one.audience) != base,
            digest=one.passage_digest,
        )
        for one, new in zip(judged, headings, strict=True)
    ]


def answers_since(version: Version, since: datetime) -> int:
    """Return how many answers from `since` on rested on the version."""
    rows = AnswerPassage.objects.filter(version=version, served_at__gte=since)
    return rows.values("answer").distinct().count()


def _stated(revisions: QuerySet[FactRevision]) -> list[Stated]:
    rows = revisions.select_related("fact").order_by("fact__key", "number")
    return [Stated(key=row.fact.key, display=row.display, scope=row.scope) for row in rows]


def _new_headings(paths: Sequence[Sequence[str]]) -> list[tuple[tuple[int, str], ...]]:
    """Return, for each heading path, the headings that the path before it didn't show already.

    Levels begin at 2, below the page's title.
    """
    result: list[tuple[tuple[int, str], ...]] = []
    before: Sequence[str] = ()
    for path in paths:
        same = 0
        while same < min(len(path), len(before)) and path[same] == before[same]:
            same += 1
        result.append(tuple((min(level + 2, 5), path[level]) for level in range(same, len(path))))
        before = path
    return result
