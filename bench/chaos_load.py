"""Load for `bench.chaos`, in a process of its own: publishes articles without pause.

Prints `published <version id>` only after the commit returned, so whatever was printed was
acknowledged. A database that is gone is tried again until the process is killed.
"""

from __future__ import annotations

import sys
import time

import django

django.setup()

from django.db import DatabaseError, InterfaceError, connection  # noqa: E402

from kb import gate  # noqa: E402
from kb.actions import drafting, reviewing  # noqa: E402
from kb.actions import people as staffing  # noqa: E402
from kb.actions.content import Content  # noqa: E402
from kb.actions.reviewing import Signature  # noqa: E402
from kb.actions.work import Actor  # noqa: E402
from kb.errors import Unavailable  # noqa: E402
from kb.models import Person, Version  # noqa: E402


def publish_one(author: Person, approver: Person, number: int) -> Version:
    """Write, submit and approve one article."""
    draft = drafting.create_article(
        actor=Actor.of(author),
        owner_group="Chaos",
        content=Content(
            title=f"What happens to parcel {number}",
            body=f"## Parcel {number}\n\nIt waits {number} days at the depot, then it goes back.",
            audience="public",
        ),
    )
    version = drafting.submit_version(actor=Actor.of(author), version_id=draft.pk)
    return reviewing.approve_version(
        actor=Actor.of(approver),
        version_id=version.pk,
        digest=version.digest or "",
        signature=Signature(method="password", authenticated_at=gate.clock()),
    )


def main() -> None:
    """Publish until killed."""
    number = time.time_ns() // 1_000_000
    people: list[Person] = []
    while True:
        try:
            if not people:
                staffing.create_owner_group(actor=Actor.system("chaos"), name="Chaos")
                people = [Person.objects.get(username=name) for name in sys.argv[1:3]]
            number += 1
            print(f"published {publish_one(*people, number).pk}", flush=True)
        except (Unavailable, DatabaseError, InterfaceError):
            connection.close()
            time.sleep(0.05)


if __name__ == "__main__":
    main()
