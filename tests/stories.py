"""Building state as people would: every helper here calls actions, so no test starts illegal."""

from __future__ import annotations

import itertools
from typing import Any

from kb import gate
from kb.actions import clients, drafting, people, reviewing
from kb.actions.content import Content
from kb.actions.work import Actor
from kb.models import Client, Person, Version

GROUP = "Customer policy"
_numbers = itertools.count(1)


def person(name: str, *roles: str, group: str = "") -> Person:
    """A person with roles who can sign in with PASSWORD."""
    return people.create_person(
        actor=Actor.system("test"), name=name, roles=roles, password=PASSWORD, group=group
    )


PASSWORD = "correct horse battery staple"


def staff() -> dict[str, Person]:
    """An editor, two approvers and the owner group they work for."""
    people.create_owner_group(actor=Actor.system("test"), name=GROUP)
    return {
        "editor": person("editor", "editor"),
        "approver": person("approver", "approver"),
        "second_approver": person("second_approver", "approver"),
    }


def content(**given: Any) -> Content:
    """A small public resolution; override what the story is about."""
    number = next(_numbers)
    return Content(
        **{
            "title": f"Where is my parcel {number}",
            "body": "## When it comes\n\nParcels arrive within five working days of dispatch.",
            "audience": "public",
            **given,
        }
    )


def draft(editor: Person, **given: Any) -> Version:
    """A new article's draft."""
    article = {k: given.pop(k) for k in ("journey", "language", "review_every_days") if k in given}
    return drafting.create_article(
        actor=Actor.of(editor), owner_group=GROUP, content=content(**given), **article
    )


def fresh() -> reviewing.Signature:
    """A signature made this instant."""
    return reviewing.Signature(method="password", authenticated_at=gate.clock())


def submit(version: Version, by: Person) -> Version:
    """Send a draft to review."""
    return drafting.submit_version(actor=Actor.of(by), version_id=version.pk)


def approve(version: Version, by: Person) -> Version:
    """Approve what is in review."""
    version.refresh_from_db()
    return reviewing.approve_version(
        actor=Actor.of(by), version_id=version.pk, digest=version.digest or "", signature=fresh()
    )


def published(team: dict[str, Person], **given: Any) -> Version:
    """An article written, submitted and approved."""
    version = submit(draft(team["editor"], **given), team["editor"])
    return approve(version, team["approver"])


def successor(team: dict[str, Person], of: Version, **changed: Any) -> Version:
    """A new version of `of`'s article, with `changed` content, in review."""
    opened = drafting.open_draft(
        actor=Actor.of(team["editor"]), article_id=of.article_id, language=of.language
    )
    new = Content(**{**drafting.content_of(opened).__dict__, **changed})
    saved = drafting.save_draft(
        actor=Actor.of(team["editor"]), version_id=opened.pk, edits=opened.edits, content=new
    )
    return submit(saved, team["editor"])


def client(name: str = "bot", **given: Any) -> tuple[Client, str]:
    """A client and its key."""
    return clients.create_client(
        actor=Actor.system("test"), name=name, audience_=given.pop("audience", "public"), **given
    )
