"""Who writes and who approves an import: two people, each with the role for what they sign.

Decides whether the named people may stand for an import at all, and for which owner groups. Called
by `run` and `plan`; the database holds four eyes a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.errors import Invalid, NotPermitted
from kb.models import OwnerGroup, Person, Role, RoleGrant

MOST_APPROVERS = 2
_WRITES = (Role.EDITOR, Role.APPROVER)


@dataclass(frozen=True)
class Signers:
    """The author and the approvers (none: records stay drafts), with the groups they act for.

    A group set of None means all groups.
    """

    author: Person
    approvers: tuple[Person, ...]
    groups: dict[int, frozenset[str] | None]

    def refusal_for(self, owner: str) -> str:
        """Return why these people can't sign for an owner group's articles, or ''."""
        for person in (self.author, *self.approvers):
            allowed = self.groups[person.pk]
            if allowed is not None and owner not in allowed:
                doing = "write" if person == self.author else "approve"
                return f"{person} may not {doing} for {owner!r}; name somebody who may"
        return ""


def signers(*, author: str, approvers: Sequence[str]) -> Signers:
    """Return the people with these user names. Raises Invalid or NotPermitted."""
    if len(approvers) > MOST_APPROVERS:
        raise Invalid({"approver": f"at most {MOST_APPROVERS} people approve an import"})
    if len(set(approvers)) < len(approvers):
        raise Invalid({"approver": "is named twice; high risk needs two different people"})
    if author in approvers:
        raise NotPermitted(
            f"{author} is author and approver at once; name two people (four eyes).",
            code="four_eyes",
        )
    writer = _person("author", author)
    signing = tuple(_person("approver", name) for name in approvers)
    groups = {writer.pk: _groups("author", writer, _WRITES)}
    groups |= {one.pk: _groups("approver", one, (Role.APPROVER,)) for one in signing}
    return Signers(author=writer, approvers=signing, groups=groups)


def _person(field: str, name: str) -> Person:
    person = Person.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise Invalid({field: f"there is nobody called {name!r}; `create_person` makes people"})
    return person


def _groups(field: str, person: Person, roles: Sequence[str]) -> frozenset[str] | None:
    grants = RoleGrant.objects.filter(person=person, role__in=roles)
    groups = set(grants.values_list("group_id", flat=True))
    if not groups:
        wanted = " or ".join(str(Role(role).label) for role in roles)
        raise NotPermitted(f"{field}: {person} isn't {wanted}; name somebody who is.")
    if None in groups:
        return None
    return frozenset(OwnerGroup.objects.filter(pk__in=groups).values_list("name", flat=True))
