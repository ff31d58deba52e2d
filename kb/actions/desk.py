"""What waits for whom: the lists of the home page and the review queue.

It reads and never writes. Only people who read all text are given lists of texts. Called by the
pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from kb.actions import listing
from kb.actions.listing import IN_EFFECT, SCHEDULED, Line
from kb.actions.visiting import Visitor
from kb.models import Contributor, Person, Review, Version

SOON_DAYS = 30
_MINE = "(v.author_id = %(me)s OR v.edited_by_id = %(me)s)"
_NOT_FOLLOWED = "NOT EXISTS (SELECT FROM kb_version s WHERE s.based_on_id = v.id)"
# A machine-made successor of a change set is decided with its set, not by itself.
_ALONE = "v.change_set_id IS NULL"


@dataclass(frozen=True)
class Returned:
    """A version that came back, with the words of whoever returned it."""

    line: Line
    reviewer: Person
    comment: str


@dataclass(frozen=True)
class Queued:
    """A version in review: how many signatures it has of those it needs, and whether it is mine."""

    line: Line
    approvals: int
    mine: bool
    signed: bool


def drafts(visitor: Visitor, limit: int = 20) -> list[Line]:
    """Return the open drafts that the visitor began or saved last, the latest first."""
    return listing.lines(
        where=f"v.state = 'draft' AND {_ALONE} AND {_MINE}",
        order="v.edited_at DESC",
        limit=limit,
        values={"me": visitor.person.pk},
    )


def returned(visitor: Visitor, limit: int = 20) -> list[Returned]:
    """Return the visitor's versions that were returned and not taken up yet, with the words."""
    found = listing.lines(
        where=f"v.state = 'returned' AND {_ALONE} AND {_MINE} AND {_NOT_FOLLOWED}",
        order="v.decided_at DESC",
        limit=limit,
        values={"me": visitor.person.pk},
    )
    reviews = Review.objects.filter(
        version__in=[line.version_id for line in found], decision="return"
    ).select_related("reviewer")
    words = {review.version_id: review for review in reviews}
    return [
        Returned(
            line=line,
            reviewer=words[line.version_id].reviewer,
            comment=words[line.version_id].comment,
        )
        for line in found
        if line.version_id in words
    ]


def submitted(visitor: Visitor, limit: int = 20) -> list[Line]:
    """Return the visitor's own versions that wait for somebody else's review."""
    return listing.lines(
        where=f"v.state = 'in_review' AND {_ALONE} AND {_MINE}",
        order="v.submitted_at",
        limit=limit,
        values={"me": visitor.person.pk},
    )


def queue(visitor: Visitor, limit: int = 50) -> list[Queued]:
    """Return what is in review in the visitor's groups, high risk first, then the oldest."""
    where, values = _queue(visitor)
    found = listing.lines(
        where=where,
        order="(v.risk = 'high') DESC, v.submitted_at",
        limit=limit,
        values=values,
    )
    ids = [line.version_id for line in found]
    wrote = set(
        Contributor.objects.filter(version__in=ids, person=visitor.person).values_list(
            "version_id", flat=True
        )
    )
    signatures = list(
        Review.objects.filter(version__in=ids, decision="approve").values_list(
            "version_id", "reviewer_id"
        )
    )
    return [
        Queued(
            line=line,
            approvals=sum(version == line.version_id for version, _who in signatures),
            mine=line.version_id in wrote,
            signed=(line.version_id, visitor.person.pk) in signatures,
        )
        for line in found
    ]


def waiting(visitor: Visitor) -> int:
    """Return how many versions wait for this very person: theirs to sign, not written by them."""
    if not visitor.approves:
        return 0
    groups = visitor.approving_groups()
    found = Version.objects.filter(state="in_review", change_set=None)
    if groups is not None:
        found = found.filter(article__owner_group__in=groups)
    mine = Q(contributors__person=visitor.person) | Q(reviews__reviewer=visitor.person)
    return found.exclude(pk__in=Version.objects.filter(mine).values("pk")).count()


def scheduled(limit: int = 10) -> list[Line]:
    """Return what takes effect next, the soonest first."""
    return listing.lines(where=SCHEDULED, order="f.starts_at", limit=limit)


def expiring(limit: int = 10) -> list[Line]:
    """Return what ends within SOON_DAYS with nothing to follow it, the soonest first."""
    return listing.lines(
        where=f"{IN_EFFECT} AND f.closed_by_id IS NULL"
        " AND f.ends_at < kb_clock() + make_interval(days => %(soon)s)",
        order="f.ends_at",
        limit=limit,
        values={"soon": SOON_DAYS},
    )


def due(limit: int = 10) -> list[Line]:
    """Return what is past its review date or will be within SOON_DAYS, the oldest first."""
    return listing.lines(
        where=f"{IN_EFFECT} AND a.review_every_days IS NOT NULL AND kb_clock() >"
        " v.verified_at + make_interval(days => a.review_every_days - %(soon)s)",
        order="v.verified_at + make_interval(days => a.review_every_days)",
        limit=limit,
        values={"soon": SOON_DAYS},
    )


def _queue(visitor: Visitor) -> tuple[str, dict[str, Any]]:
    where = f"v.state = 'in_review' AND {_ALONE}"
    groups = visitor.approving_groups()
    if not visitor.approves or groups is None:
        return where, {}
    return f"{where} AND a.owner_group_id = ANY(%(groups)s)", {"groups": groups}
