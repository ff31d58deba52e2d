"""Who may approve a version, and when enough people have.

Decides: how many approvals a version needs, whether this reviewer's approval of this digest counts
now, and whether it is the one that publishes. Never checks roles or owner groups (`kb.access` does)
or open findings (the action does). Called by `kb.actions` under the version's lock; the database
holds four eyes a second time. The shape of a signature (who, what, meaning, fresh
authentication) follows 21 CFR 11.50, 11.70 and 11.200.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from policies.decisions import Decision, allow, refuse


class Kind(StrEnum):
    """What an article is: a rule of the organisation, or how an issue is solved under the rules."""

    policy = "policy"
    resolution = "resolution"


class Risk(StrEnum):
    """How much harm a wrong text can do; it decides how many people must approve."""

    normal = "normal"
    high = "high"


class Meaning(StrEnum):
    """What an approver declares by signing."""

    checked_against_policy = "checked_against_policy"
    import_attested = "import_attested"


AUTHENTICATION_MAX_AGE = timedelta(minutes=5)

# An identity provider stamps its re-login by its own clock; one this far ahead is forgiven.
AUTHENTICATION_CLOCK_SKEW = timedelta(minutes=1)


def approvals_needed(kind: str, risk: str) -> int:
    """Return how many different approvers a version needs: 1, for high risk 2, whatever its kind.

    Raises ValueError for a kind or a risk that doesn't exist.
    """
    Kind(kind)
    return 2 if Risk(risk) == Risk.high else 1


def may_approve(
    *,
    reviewer: int,
    contributors: Collection[int],
    earlier_approvers: Collection[int],
    reviewed_digest: str,
    current_digest: str,
    authenticated_at: datetime | None,
    now: datetime,
    superseded_facts: Sequence[str],
) -> Decision:
    """Decide whether this person's approval of this digest counts now.

    `contributors` saved content of the version or of the returned or withdrawn ones it is based on.
    `superseded_facts` are keys of pinned facts that no longer hold. What no fresh sign-in can mend
    is said first, so nobody types a password only to be refused for something else.
    Codes: `four_eyes`, `already_approved`, `changed_while_you_looked`, `fact_superseded`,
    `stale_authentication`, `may_approve`.
    """
    if reviewer in contributors:
        return refuse("four_eyes", "You wrote part of this, so somebody else has to approve it.")
    if reviewer in earlier_approvers:
        return refuse(
            "already_approved",
            "You have approved this version already; the next approval has to be another person's.",
        )
    if reviewed_digest != current_digest:
        return refuse(
            "changed_while_you_looked",
            "This version is no longer the one you were shown. Read it again, then decide.",
        )
    if superseded_facts:
        return refuse("fact_superseded", _superseded_sentence(superseded_facts))
    if not _is_fresh(authenticated_at=authenticated_at, now=now):
        return refuse(
            "stale_authentication",
            "A signature needs a sign-in that is at most five minutes old. Confirm that it is you.",
        )
    return allow("may_approve", "You didn't write this version and may approve it.")


def publishes(*, approvals: int, needed: int) -> bool:
    """Say whether this many different people's approvals of one digest publish the version."""
    return approvals >= needed


def _is_fresh(*, authenticated_at: datetime | None, now: datetime) -> bool:
    if authenticated_at is None:
        return False
    return -AUTHENTICATION_CLOCK_SKEW <= now - authenticated_at <= AUTHENTICATION_MAX_AGE


def _superseded_sentence(keys: Sequence[str]) -> str:
    names = ", ".join(dict.fromkeys(keys))
    return (
        f"This version states facts that have changed since: {names}. "
        "It has to be re-made with the values that hold now."
    )
