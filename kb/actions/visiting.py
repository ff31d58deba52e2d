"""Who is looking at the pages, and what they are offered.

It decides only what a page offers; whether something may be done is asked again by the action, and
whether something may be read by `kb.access` and the gate. One query a request. Called by the pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from kb import access
from kb.actions.work import Actor
from kb.errors import NotPermitted
from kb.models import Person, Role, RoleGrant


@dataclass(frozen=True)
class Visitor:
    """A signed-in person with every role they hold; a group of None means all of them."""

    person: Person
    grants: frozenset[tuple[str, int | None]]

    @property
    def actor(self) -> Actor:
        """The actor that this person's actions carry."""
        return Actor.of(self.person)

    @property
    def roles(self) -> frozenset[str]:
        """Every role, for whatever group."""
        return frozenset(role for role, _group in self.grants)

    @property
    def reads_text(self) -> bool:
        """Whether every text is theirs to read, drafts included."""
        return bool(self.roles & access.READS_ALL_TEXT)

    @property
    def reads_library(self) -> bool:
        """Whether they read anything at all: whole, or what the gate serves to internal."""
        return self.reads_text or Role.AGENT in self.roles

    @property
    def writes(self) -> bool:
        """Whether they write for any group."""
        return bool(self.roles & {Role.EDITOR, Role.APPROVER})

    @property
    def approves(self) -> bool:
        """Whether they approve for any group."""
        return Role.APPROVER in self.roles

    @property
    def audits(self) -> bool:
        """Whether the audit is theirs to read."""
        return Role.AUDITOR in self.roles

    @property
    def administers(self) -> bool:
        """Whether people and clients are theirs to look after."""
        return Role.ADMINISTRATOR in self.roles

    def writes_for(self, group_id: int) -> bool:
        """Say whether they write articles of this owner group."""
        return self._holds({Role.EDITOR, Role.APPROVER}, group_id)

    def approves_for(self, group_id: int) -> bool:
        """Say whether they approve articles of this owner group."""
        return self._holds({Role.APPROVER}, group_id)

    def approving_groups(self) -> list[int] | None:
        """Return the owner groups they approve for, or None for all of them."""
        groups = [group for role, group in self.grants if role == Role.APPROVER]
        return None if None in groups else [group for group in groups if group is not None]

    def require(self, *roles: Role) -> None:
        """Raise NotPermitted unless they hold one of `roles`."""
        if not self.roles & set(roles):
            names = " or ".join(str(Role(role).label) for role in roles)
            raise NotPermitted(f"This page is for the role {names}.")

    def _holds(self, roles: set[Role], group_id: int) -> bool:
        return any(role in roles and group in (None, group_id) for role, group in self.grants)


def visitor(person: Person) -> Visitor:
    """Return the person with the roles they hold now."""
    rows = RoleGrant.objects.filter(person=person) if person.is_active else RoleGrant.objects.none()
    return Visitor(person=person, grants=frozenset(rows.values_list("role", "group_id")))
