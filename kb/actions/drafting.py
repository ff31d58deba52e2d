"""Writing: new articles, drafts, submission, withdrawal.

Editors and approvers of the owner group write. One open draft per article and language; a save says
which state of the draft it was written against, and a save against an older one is refused with
nothing lost. Called by the web pages, change sets and the starter.
"""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from kb import access
from kb.actions import preparing
from kb.actions.content import Content, checked
from kb.actions.locking import lock_articles, lock_version
from kb.actions.work import Actor, Work, ensure, work
from kb.conf import settings
from kb.errors import Conflict, Invalid, NotFound, NotPermitted
from kb.models import Article, Journey, OwnerGroup, Person, Role, Version
from kb.text.slugs import slug as slug_of
from policies.languages import canonical_tag
from policies.lifecycle import Move, State, may_move

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LONGEST_LANGUAGE = 35
_UNDECIDED = (State.draft.value, State.in_review.value)
_REFUSED = (State.returned.value, State.withdrawn.value)


def create_article(
    *,
    actor: Actor,
    content: Content,
    owner_group: str,
    journey: str = "",
    language: str = "",
    source: str = "touchstone",
    external_id: str = "",
    review_every_days: int | None = None,
) -> Version:
    """Make an article with its first draft and return the draft.

    Raises Invalid (a field can't be used) or NotPermitted (not this group's editor).
    """
    good = checked(content)
    with work(actor=actor) as doing:
        group = OwnerGroup.objects.filter(name=owner_group).first()
        if group is None:
            raise Invalid({"owner_group": f"there is no owner group called {owner_group!r}"})
        now = doing.now()
        made = Article(
            slug=free_slug(good.title),
            source=source,
            owner_group=group,
            journey=_journey(journey),
            review_every_days=review_every_days,
            created_at=now,
        )
        person = require_writer(actor, made)
        made.external_id = external_id or made.slug
        made.save()
        doing.record("create_article", f"article:{made.slug}", new={"title": good.title})
        return _new_draft(doing, person, made, good, language_tag(language), None)


def open_draft(*, actor: Actor, article_id: int, language: str = "") -> Version:
    """Start a draft from the latest decided text of the article in that language; return it.

    An open draft that exists already is returned as it is. A text that a change set proposed and
    that was turned down is passed over: nobody wrote it. Raises NotFound, Invalid or NotPermitted.
    """
    language = language_tag(language)
    with work(actor=actor) as doing:
        lock_articles([article_id])
        article = Article.objects.select_related("owner_group").filter(pk=article_id).first()
        if article is None:
            raise NotFound("There is no such article, or it isn't yours to see.")
        person = require_writer(actor, article)
        versions = Version.objects.filter(article=article, language=language)
        existing = versions.filter(state=State.draft.value, change_set=None).first()
        if existing is not None:
            return existing
        if versions.filter(state=State.in_review.value).exists():
            raise Conflict("A version is in review; it must be decided or withdrawn first.")
        basis = _basis(versions) or _basis(Version.objects.filter(article=article))
        if basis is None:
            raise NotFound("This article has no text to start from.")
        return _new_draft(doing, person, article, content_of(basis), language, basis)


def save_draft(*, actor: Actor, version_id: int, edits: int, content: Content) -> Version:
    """Save a draft's content, written against its state number `edits`; return it.

    Raises Invalid, NotPermitted, or Conflict where the draft was saved by somebody since.
    """
    good = checked(content)
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        person = require_writer(actor, version.article)
        if version.state != State.draft:
            raise Conflict("This is no draft any more; start a new one from it.")
        if version.edits != edits:
            raise Conflict(
                f"{version.edited_by} saved this draft at {version.edited_at:%H:%M}. "
                "Your text wasn't saved over theirs: compare the two, then save again.",
                code="edited_meanwhile",
            )
        for name, value in good.as_fields().items():
            setattr(version, name, value)
        version.edited_by = person
        version.edited_at = doing.now()
        version.edits += 1
        version.save()
        doing.record("save_draft", f"version:{version.pk}", new={"edits": version.edits})
        return version


def submit_version(*, actor: Actor, version_id: int) -> Version:
    """Send a draft to review: its facts, passages and digest are fixed now; return it.

    Raises Refused (`illegal_move`, `needs_change_set`), Invalid or NotPermitted.
    """
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        require_writer(actor, version.article)
        return submit(doing, version)


def submit(doing: Work, version: Version, also: tuple[preparing.Known, ...] = ()) -> Version:
    """Move a locked draft to review within `doing`; see `submit_version`."""
    ensure(may_move(State(version.state), Move.submit))
    checked(content_of(version))
    if version.change_set_id is None:
        preparing.refuse_silent_fact_change(version, doing.now())
    preparing.prepare(version, now=doing.now(), also=also)
    version.state = State.in_review.value
    version.submitted_at = doing.now()
    version.save(update_fields=["state", "submitted_at"])
    version.refresh_from_db()
    doing.defer("embed_versions", version_ids=[version.pk])
    doing.record(
        "submit", f"version:{version.pk}", new={"number": version.number, "digest": version.digest}
    )
    return version


def withdraw_version(*, actor: Actor, version_id: int, why: str = "") -> Version:
    """Withdraw a draft or a version in review: its author may, or an approver if abandoned.

    Raises Refused or NotPermitted.
    """
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        person = require_writer(actor, version.article)
        if version.author_id != person.pk and not access.holds_role(
            person, Role.APPROVER, version.article
        ):
            raise NotPermitted("Its author withdraws a version, or an approver.")
        ensure(may_move(State(version.state), Move.withdraw))
        if version.change_set_id is not None:
            raise Conflict("It belongs to a change set; withdraw the change set as a whole.")
        version.state = State.withdrawn.value
        version.decided_at = doing.now()
        version.save(update_fields=["state", "decided_at"])
        doing.record("withdraw", f"version:{version.pk}", why=why)
        return version


def content_of(version: Version) -> Content:
    """Return a version's content, to start another one from it."""
    names = Content.__dataclass_fields__
    values = {name: getattr(version, name) for name in names}
    return Content(**{**values, "facts": tuple(version.facts)})


def require_writer(actor: Actor, article: Article) -> Person:
    """Return the person who acts, an editor or approver of `article`; raise NotPermitted."""
    person = actor.person
    if person is not None and access.holds_role(person, Role.APPROVER, article):
        return person
    return access.require_role(person, Role.EDITOR, article)


def free_slug(title: str) -> str:
    """Return an address for the title that no article has yet."""
    base = slug_of(title)
    taken = set(Article.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def language_tag(written: str) -> str:
    """Return a language tag as BCP 47 recommends, for case says nothing in one; '' is our own.

    Raises Invalid.
    """
    written = written or settings().default_language
    language = canonical_tag(written)
    if not LANGUAGE.fullmatch(language) or len(language) > _LONGEST_LANGUAGE:
        raise Invalid({"language": f"{written[:40]!r} isn't a language tag; write en, de or pt-BR"})
    return language


def _basis(versions: QuerySet[Version]) -> Version | None:
    """Return the latest decided one that was submitted."""
    decided = versions.exclude(state__in=_UNDECIDED).exclude(number=None)
    turned_down = Q(change_set__isnull=False, state__in=_REFUSED)
    return decided.exclude(turned_down).order_by("-number").first()


def _new_draft(
    doing: Work,
    person: Person,
    article: Article,
    content: Content,
    language: str,
    basis: Version | None,
) -> Version:
    now = doing.now()
    version = Version.objects.create(
        article=article,
        language=language,
        based_on=basis,
        author=person,
        edited_by=person,
        created_at=now,
        edited_at=now,
        **content.as_fields(),
    )
    doing.record("open_draft", f"version:{version.pk}", new={"article": article.slug})
    return version


def _journey(name: str) -> Journey | None:
    return Journey.objects.get_or_create(name=name)[0] if name else None
