"""Review: a person's decision on one exact digest, freshly authenticated.

The last approval that kind and risk ask for publishes, in the same action. Called by the web pages
and the starter; the rules are `policies.approval`, and the database holds them a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from kb import access
from kb.actions import preparing, publishing
from kb.actions.locking import lock_facts, lock_version
from kb.actions.work import Actor, Work, ensure, work
from kb.errors import Conflict, Invalid, NotPermitted, Refused, StaleAuthentication
from kb.models import Person, Review, Role, Version
from policies import approval
from policies.approval import Meaning
from policies.lifecycle import Move, State, may_move


@dataclass(frozen=True)
class Signature:
    """How and when the signer proved who they are; `method` is password, totp, passkey or idp."""

    method: str
    authenticated_at: datetime | None


def approve_version(
    *, actor: Actor, version_id: int, digest: str, signature: Signature, comment: str = ""
) -> Version:
    """Approve a version as it was shown (`digest`); the last approval needed publishes it.

    Raises Refused with the rule's code (`four_eyes`, `already_approved`,
    `changed_while_you_looked`, `fact_superseded`, `needs_change_set`), StaleAuthentication or
    NotPermitted.
    """
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        if version.change_set_id is not None:
            raise Conflict("It belongs to a change set, which is signed as a whole.")
        lock_facts(preparing.fact_keys(version))
        sign(doing, version, digest=digest, signature=signature, comment=comment)
        preparing.refuse_silent_fact_change(version, doing.now())
        if approved(version):
            publishing.put_in_force(doing, [version])
        version.refresh_from_db()
        return version


def return_version(*, actor: Actor, version_id: int, digest: str, comment: str) -> Version:
    """Return a version to its author with a comment; a new draft starts from it.

    Raises Refused, Invalid (no comment) or NotPermitted.
    """
    if not comment.strip():
        raise Invalid({"comment": "say what should change; the author reads only this"})
    with work(actor=actor) as doing:
        version = lock_version(version_id)
        person = access.require_role(actor.person, Role.APPROVER, version.article)
        if version.change_set_id is not None:
            raise Conflict("It belongs to a change set, which is returned as a whole.")
        if digest != version.digest:
            raise Refused(
                "This version is no longer the one you were shown. Read it again, then decide.",
                code="changed_while_you_looked",
            )
        give_back(doing, version, reviewer=person, comment=comment)
        return version


def give_back(doing: Work, version: Version, *, reviewer: Person, comment: str) -> None:
    """Return a locked version in review within `doing`."""
    ensure(may_move(State(version.state), Move.return_))
    now = doing.now()
    Review.objects.create(
        version=version,
        digest=version.digest or "",
        decision="return",
        meaning="returned",
        comment=comment,
        reviewer=reviewer,
        decided_at=now,
    )
    version.state = State.returned.value
    version.decided_at = now
    version.save(update_fields=["state", "decided_at"])
    doing.record("return", f"version:{version.pk}", new={"digest": version.digest}, why=comment)


def sign(
    doing: Work, version: Version, *, digest: str, signature: Signature, comment: str
) -> Review:
    """Write one approval within `doing`, if every rule allows it.

    The caller holds the locks of the version and of its facts (`preparing.fact_keys`).
    """
    person = access.require_role(doing.actor.person, Role.APPROVER, version.article)
    ensure(may_move(State(version.state), Move.publish))
    now = doing.now()
    start = max(now, version.effective_from) if version.effective_from else now
    stale = [] if version.change_set_id else preparing.superseded_pins(version, start)
    decision = approval.may_approve(
        reviewer=person.pk,
        contributors=contributors(version),
        earlier_approvers=set(
            version.reviews.filter(decision="approve").values_list("reviewer_id", flat=True)
        ),
        reviewed_digest=digest,
        current_digest=version.digest or "",
        authenticated_at=signature.authenticated_at,
        now=now,
        superseded_facts=stale,
    )
    ensure(decision, _error_of(decision.code))
    review = Review.objects.create(
        version=version,
        digest=digest,
        decision="approve",
        meaning=Meaning.checked_against_policy.value,
        comment=comment,
        reviewer=person,
        authenticated_by=signature.method,
        authenticated_at=signature.authenticated_at,
        decided_at=now,
    )
    doing.record(
        "approve",
        f"version:{version.pk}",
        new={
            "digest": digest,
            "meaning": review.meaning,
            "authenticated_by": signature.method,
            "authenticated_at": signature.authenticated_at,
        },
        why=comment,
    )
    return review


def approved(version: Version) -> bool:
    """Say whether enough different people approved exactly this digest."""
    count = (
        version.reviews.filter(decision="approve", digest=version.digest)
        .values("reviewer")
        .distinct()
        .count()
    )
    return approval.publishes(
        approvals=count, needed=approval.approvals_needed(version.kind, version.risk)
    )


def contributors(version: Version) -> set[int]:
    """Return who saved content of the version or of the returned or withdrawn ones under it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kb_contributors(%s)", [version.pk])
        return {row[0] for row in cursor.fetchall()}


def _error_of(code: str) -> type[Refused]:
    if code == "stale_authentication":
        return StaleAuthentication
    return NotPermitted if code == "four_eyes" else Refused
