"""What a person may see and do: one door to fetch a thing, one refusal for missing and forbidden.

Editors, approvers and auditors read all text; an agent reads what the gate serves to internal; an
administrator has no right to text by itself. Editor and approver roles act only on articles of the
owner groups they hold for. It never writes; actions and pages call it.
"""

from __future__ import annotations

from django.db.models import QuerySet

from kb.errors import NotFound, NotPermitted
from kb.models import Article, Person, Role, RoleGrant, Version

READS_ALL_TEXT = frozenset({Role.EDITOR, Role.APPROVER, Role.AUDITOR})
_NOT_HERE = "There is no such {what}, or it isn't yours to see."


def roles(person: Person) -> frozenset[str]:
    """Return every role the person holds, for any owner group."""
    if not person.is_active:
        return frozenset()
    return frozenset(RoleGrant.objects.filter(person=person).values_list("role", flat=True))


def holds_role(person: Person, role: Role, article: Article) -> bool:
    """Say whether the person holds `role` for the group that owns `article`."""
    grants = RoleGrant.objects.filter(person=person, role=role)
    return person.is_active and any(
        group in (None, article.owner_group_id)
        for group in grants.values_list("group_id", flat=True)
    )


def require_role(person: Person | None, role: Role, article: Article | None = None) -> Person:
    """Return the person if they hold `role` (for `article`, if given); raise NotPermitted."""
    if person is None:
        raise NotPermitted("Only a person who is signed in can do this.")
    allowed = holds_role(person, role, article) if article else role in roles(person)
    if not allowed:
        what = f" for articles of {article.owner_group}" if article else ""
        raise NotPermitted(f"This needs the role {Role(role).label}{what}.")
    return person


def may_read_text(person: Person) -> bool:
    """Say whether the person reads every text, drafts included."""
    return bool(roles(person) & READS_ALL_TEXT)


def articles(person: Person) -> QuerySet[Article]:
    """Return the articles the person may read whole (none for agents: they go through the gate)."""
    found = Article.objects.select_related("owner_group", "journey")
    return found if may_read_text(person) else found.none()


def article(person: Person, slug: str) -> Article:
    """Fetch one article by slug; missing and forbidden give the same NotFound."""
    found = articles(person).filter(slug=slug).first()
    if found is None:
        raise NotFound(_NOT_HERE.format(what="article"))
    return found


def versions(person: Person) -> QuerySet[Version]:
    """Return the versions the person may read, newest first."""
    found = Version.objects.select_related("article__owner_group", "article__journey", "author")
    return found.order_by("-id") if may_read_text(person) else found.none()


def version(person: Person, version_id: int) -> Version:
    """Fetch one version by id; missing and forbidden give the same NotFound."""
    found = versions(person).filter(pk=version_id).first()
    if found is None:
        raise NotFound(_NOT_HERE.format(what="version"))
    return found
