"""Holds: out of service at once; lifted by an approver who didn't write the fix.

Any editor may place one, and a client with the right `hold`. Only the gate reads holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from kb import access
from kb.actions.reviewing import contributors
from kb.actions.work import Actor, Work, ensure, work
from kb.errors import Invalid, NotFound, NotPermitted
from kb.models import Article, Client, Fact, Hold, Journey, Passage, Person, Role, Version
from policies import holds as rules

TARGETS = ("article", "version", "passage", "fact", "journey")
_OF_ONE_ARTICLE = ("article", "version")


def place_hold(
    *, actor: Actor, kind: str, target: str, reason: str, client: Client | None = None
) -> Hold:
    """Take `target` out of service now; return the hold.

    `kind` is article (slug), version (id), passage (digest), fact (key) or journey (name).
    Raises Invalid, NotFound or NotPermitted.
    """
    if not reason.strip():
        raise Invalid({"reason": "say why; whoever lifts the hold reads it"})
    with work(actor=actor) as doing:
        _require_placer(actor, client)
        values, affected = _target(kind, target)
        # What else comes to render a held value while we look is held too.
        now = doing.fence(affected) if kind in _OF_ONE_ARTICLE else doing.fence_all()
        hold = Hold.objects.create(
            **values, reason=reason.strip(), placed_by=actor.name, placed_at=now
        )
        doing.record("hold", f"{kind}:{target}", new={"hold": hold.pk}, why=reason)
        _announce(doing, "held", now, hold, affected)
        return hold


def lift_hold(*, actor: Actor, hold_id: int, reason: str) -> Hold:
    """Put what was held back into service, for a reason; return the hold.

    Raises NotFound, Invalid or NotPermitted (`wrote_the_fix`, or another owner group's approver).
    """
    if not reason.strip():
        raise Invalid({"reason": "say what changed, so that it may be served again"})
    with work(actor=actor) as doing:
        hold = Hold.objects.select_for_update(of=("self",)).filter(pk=hold_id).first()
        if hold is None:
            raise NotFound("There is no such hold, or it isn't yours to see.")
        person = _require_lifter(actor, hold)
        since = [
            who
            for version in _versions_of(hold).filter(submitted_at__gte=hold.placed_at)
            for who in contributors(version)
        ]
        ensure(
            rules.may_lift(lifter=person.pk, is_approver=True, contributors_since=since),
            NotPermitted,
        )
        if hold.lifted_at is not None:
            raise Invalid({"hold": "has been lifted already"})
        hold.lifted_by, hold.lift_reason, hold.lifted_at = person, reason.strip(), doing.now()
        hold.save(update_fields=["lifted_by", "lift_reason", "lifted_at"])
        doing.record("lift", f"hold:{hold.pk}", why=reason)
        affected = set(_versions_of(hold).values_list("article_id", flat=True))
        _announce(doing, "lifted", hold.lifted_at, hold, affected)
        return hold


def open_holds(version: Version) -> list[Hold]:
    """Return the holds that keep `version`, or any passage or fact of it, out of service."""
    facts = Fact.objects.filter(
        Q(revisions__pinned_by__version=version) | Q(revisions__carriers__version=version)
    )
    return list(
        Hold.objects.filter(lifted_at=None)
        .filter(
            Q(article=version.article_id)
            | Q(version=version)
            | Q(passage_digest__in=version.passages.values("digest"))
            | Q(journey__isnull=False, journey=version.article.journey_id)
            | Q(fact__in=facts)
        )
        .order_by("placed_at")
    )


def _require_placer(actor: Actor, client: Client | None) -> None:
    if client is not None:
        if "hold" not in client.rights:
            raise NotPermitted("This key doesn't have the right `hold`.")
        return
    if actor.person is None:
        return  # a named system actor: the findings of later issues
    if not access.roles(actor.person) & {Role.EDITOR, Role.APPROVER}:
        raise NotPermitted("This needs the role editor or approver.")


def _require_lifter(actor: Actor, hold: Hold) -> Person:
    """Return the person, an approver of every article that the hold is about.

    A fact is about the policies that state it; a journey belongs to no owner group.
    """
    person = access.require_role(actor.person, Role.APPROVER)
    if hold.journey_id:
        return person
    versions = _versions_of(hold)
    if hold.fact_id:
        versions = Version.objects.filter(carried__revision__fact=hold.fact_id)
    about = Article.objects.filter(versions__in=versions.values("pk")).distinct()
    for article in about.select_related("owner_group"):
        access.require_role(person, Role.APPROVER, article)
    return person


def _target(kind: str, target: str) -> tuple[dict[str, object], set[int]]:
    """Return the hold's column and the articles it takes out of service."""
    match kind:
        case "article":
            column: dict[str, object] = {"article": Article.objects.filter(slug=target).first()}
        case "version":
            number = int(target) if target.isdecimal() and len(target) < 18 else 0
            column = {"version": Version.objects.filter(pk=number).first()}
        case "passage":
            exists = Passage.objects.filter(digest=target).exists()
            column = {"passage_digest": target if exists else None}
        case "fact":
            column = {"fact": Fact.objects.filter(key=target).first()}
        case "journey":
            column = {"journey": Journey.objects.filter(name=target).first()}
        case _:
            raise Invalid({"kind": f"{kind!r} isn't one of {', '.join(TARGETS)}"})
    if None in column.values():
        raise NotFound(f"There is no such {kind}, or it isn't yours to see.")
    versions = _versions_of(Hold(**column))
    return column, set(versions.values_list("article_id", flat=True).distinct())


def _versions_of(hold: Hold) -> QuerySet[Version]:
    """Return the versions that a hold touches."""
    if hold.article_id:
        return Version.objects.filter(article_id=hold.article_id)
    if hold.version_id:
        return Version.objects.filter(article__versions=hold.version_id)
    if hold.passage_digest:
        return Version.objects.filter(
            article__versions__passages__digest=hold.passage_digest
        ).distinct()
    if hold.fact_id:
        return Version.objects.filter(
            Q(pins__revision__fact=hold.fact_id) | Q(carried__revision__fact=hold.fact_id)
        ).distinct()
    return Version.objects.filter(article__journey=hold.journey)


def _announce(doing: Work, kind: str, at: datetime, hold: Hold, articles: Iterable[int]) -> None:
    for article_id in sorted(articles):
        doing.change(kind, at, article_id=article_id, version_id=hold.version_id)
