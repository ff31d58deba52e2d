"""People, their roles and owner groups: who may act at all."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from kb import access
from kb.actions.work import Actor, work
from kb.errors import Invalid
from kb.models import OwnerGroup, Person, Role, RoleGrant


def create_person(
    *, actor: Actor, name: str, roles: Sequence[str], password: str, group: str = ""
) -> Person:
    """Make a person who signs in as `name`, with `roles` for `group`'s articles ('' for all).

    Raises Invalid (name taken, unknown role, weak password) or NotPermitted.
    """
    problems: dict[str, str] = {}
    if not name.strip() or len(name) > 150:
        problems["name"] = "is empty or longer than 150 characters"
    elif Person.objects.filter(username=name).exists():
        problems["name"] = f"{name!r} exists already; choose another name"
    unknown = [role for role in roles if role not in Role.values]
    if unknown or not roles:
        problems["role"] = f"{', '.join(unknown) or 'none'}: choose from {', '.join(Role.values)}"
    try:
        validate_password(password, Person(username=name))
    except ValidationError as error:
        problems["password"] = " ".join(error.messages)
    if problems:
        raise Invalid(problems)
    with work(actor=actor) as doing:
        if actor.person is not None:
            access.require_role(actor.person, Role.ADMINISTRATOR)
        person = Person(username=name, is_staff=Role.ADMINISTRATOR in roles)
        person.set_password(password)
        person.save()
        owner = OwnerGroup.objects.get_or_create(name=group)[0] if group else None
        for role in dict.fromkeys(roles):
            RoleGrant.objects.create(person=person, role=role, group=owner)
        doing.record("create_person", f"person:{name}", new={"roles": list(roles), "group": group})
        return person


def create_owner_group(*, actor: Actor, name: str) -> OwnerGroup:
    """Return the owner group called `name`, made if there is none."""
    with work(actor=actor) as doing:
        group, made = OwnerGroup.objects.get_or_create(name=name)
        if made:
            doing.record("create_owner_group", f"group:{name}")
        return group
