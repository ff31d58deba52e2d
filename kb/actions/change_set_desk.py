"""What the pages show of change sets: the values, every text before and after, who signed.

It reads and never writes. Whether a set may be signed is `kb.actions.facts`' and the database's to
say; what stands here only explains it beforehand, so that nobody types a password in vain. Only
people who read all text are given these lists (the page's role check). Called by the pages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from kb import gate
from kb.actions import facts, listing
from kb.actions.content import Content
from kb.actions.drafting import content_of
from kb.actions.listing import Line
from kb.actions.visiting import Visitor
from kb.errors import NotFound
from kb.models import AuditEvent, ChangeSet, FactRevision, PinnedFact, Review, Version
from kb.text import rendering
from policies.approval import approvals_needed

PAGE = 30
_IN_REVIEW = "in_review"

# What a set's versions state that the ones they replace don't, and the other way round.
_VALUES = """SELECT DISTINCT v.change_set_id, x.key, r.display, r.scope, {new} AS is_new
FROM kb_version v JOIN kb_carriedfact c ON c.version_id = {ours}
JOIN kb_factrevision r ON r.id = c.revision_id JOIN kb_fact x ON x.id = r.fact_id
WHERE v.change_set_id = ANY(%(sets)s) AND NOT EXISTS (
  SELECT FROM kb_carriedfact o WHERE o.version_id = {theirs} AND o.revision_id = c.revision_id)"""
_OLD_AND_NEW = (
    _VALUES.format(new="true", ours="v.id", theirs="v.based_on_id")
    + " UNION ALL "
    + _VALUES.format(new="false", ours="v.based_on_id", theirs="v.id")
)


@dataclass(frozen=True)
class Step:
    """One value that a set changes: from what, to what, where."""

    key: str
    scope: dict[str, str]
    old: str
    new: str


@dataclass(frozen=True)
class SetLine:
    """A change set in a list. `mine`: the visitor proposed it; `signed`: they signed it."""

    change_set: ChangeSet
    steps: list[Step]
    versions: int
    approvals: int
    needed: int
    mine: bool
    signed: bool


@dataclass(frozen=True)
class Member:
    """One version of a set beside what it replaces, both with the values that each shows.

    `carries` says that it is a policy which states the new value.
    """

    version: Version
    line: Line
    replaces: Version
    before: Content
    after: Content
    carries: bool


@dataclass(frozen=True)
class Drift:
    """What has happened since the set was proposed, so that it can't be signed any more.

    `joined` are texts that show the value now and aren't in the set, `gone` texts that it would
    replace though they don't govern any more; neither: the value itself was changed.
    """

    joined: list[Version]
    gone: list[Version]


@dataclass(frozen=True)
class Closing:
    """Who ended the review of a set, and their words."""

    actor: str
    at: datetime
    words: str


@dataclass(frozen=True)
class SetPortrait:
    """One change set with all that is signed. `drift` None: it can be signed as it stands."""

    line: SetLine
    members: list[Member]
    reviews: list[Review]
    drift: Drift | None
    closing: Closing | None
    in_force_at: datetime | None
    now: datetime

    @property
    def change_set(self) -> ChangeSet:
        """The set itself."""
        return self.line.change_set

    @property
    def group_names(self) -> list[str]:
        """The owner groups whose articles are in it."""
        return sorted({str(one.version.article.owner_group) for one in self.members})


def sets(
    visitor: Visitor, *, decided: bool = False, before: int | None = None, limit: int = PAGE
) -> list[SetLine]:
    """Return the sets in review, the oldest first, or those decided, the latest first.

    `before` goes on with those decided from below an id.
    """
    found = ChangeSet.objects.select_related("proposed_by")
    if decided:
        found = found.exclude(state=_IN_REVIEW).order_by("-pk")
    else:
        found = found.filter(state=_IN_REVIEW).order_by("pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    return _lines(visitor, list(found[:limit]))


def waiting(visitor: Visitor) -> int:
    """Return how many sets in review wait for this very person: not proposed or signed by them."""
    if not visitor.approves:
        return 0
    signed = Review.objects.filter(
        reviewer=visitor.person, decision="approve", version__change_set__isnull=False
    )
    found = ChangeSet.objects.filter(state=_IN_REVIEW).exclude(proposed_by=visitor.person)
    return found.exclude(pk__in=signed.values("version__change_set")).count()


def portrait(visitor: Visitor, change_set_id: int) -> SetPortrait:
    """Return one set with every text in it. Raises NotFound."""
    found = ChangeSet.objects.select_related("proposed_by").filter(pk=change_set_id).first()
    if found is None:
        raise NotFound("There is no such change set, or it isn't yours to see.")
    versions = list(
        Version.objects.filter(change_set=found)
        .select_related("article__owner_group", "based_on__article", "period")
        .order_by("pk")
    )
    now = gate.clock()
    steps = _steps([found.pk])
    [line] = _lines(visitor, [found], steps)
    started = [one.period.starts_at for one in versions if hasattr(one, "period")]
    return SetPortrait(
        line=line,
        members=_members(versions),
        reviews=_reviews(versions),
        drift=_drift(found, versions, now) if found.state == _IN_REVIEW else None,
        closing=_closing(found),
        in_force_at=min(started) if started else None,
        now=now,
    )


def may_sign(visitor: Visitor, shown: SetPortrait) -> bool:
    """Say whether the page offers to sign: in review, current, and the visitor's to sign."""
    line = shown.line
    return (
        shown.change_set.state == _IN_REVIEW
        and shown.drift is None
        and not line.mine
        and not line.signed
        and all(visitor.approves_for(one.version.article.owner_group_id) for one in shown.members)
    )


def _lines(
    visitor: Visitor, found: Sequence[ChangeSet], steps: Mapping[int, list[Step]] | None = None
) -> list[SetLine]:
    ids = [one.pk for one in found]
    if not ids:
        return []
    shown = steps if steps is not None else _steps(ids)
    versions = list(
        Version.objects.filter(change_set__in=ids).values_list("change_set_id", "kind", "risk")
    )
    counts = Counter(change_set_id for change_set_id, _kind, _risk in versions)
    signed = set(
        Review.objects.filter(version__change_set__in=ids, decision="approve").values_list(
            "version__change_set_id", "reviewer_id"
        )
    )
    signatures = Counter(change_set_id for change_set_id, _reviewer in signed)
    return [
        SetLine(
            change_set=one,
            steps=shown.get(one.pk, []),
            versions=counts[one.pk],
            approvals=signatures[one.pk],
            needed=max(
                (approvals_needed(kind, risk) for pk, kind, risk in versions if pk == one.pk),
                default=1,
            ),
            mine=one.proposed_by_id == visitor.person.pk,
            signed=(one.pk, visitor.person.pk) in signed,
        )
        for one in found
    ]


def _steps(ids: Sequence[int]) -> dict[int, list[Step]]:
    """Return, for each set, the values that it changes."""
    with gate.answering(), connection.cursor() as cursor:
        cursor.execute(_OLD_AND_NEW, {"sets": list(ids)})
        rows = cursor.fetchall()
    sides: dict[tuple[int, str, str], dict[bool, str]] = {}
    for change_set_id, key, display, scope, is_new in rows:
        sides.setdefault((change_set_id, key, scope), {})[is_new] = display
    result: dict[int, list[Step]] = {}
    for (change_set_id, key, scope), side in sorted(sides.items()):
        step = Step(key, json.loads(scope), old=side.get(False, ""), new=side.get(True, ""))
        result.setdefault(change_set_id, []).append(step)
    return result


def _members(versions: Sequence[Version]) -> list[Member]:
    ids = [one.pk for one in versions]
    pairs = [(one, one.based_on) for one in versions if one.based_on is not None]
    displays: dict[int, dict[str, str]] = {}
    pins = PinnedFact.objects.filter(version__in=[*ids, *(old.pk for _new, old in pairs)])
    for version_id, key, display in pins.values_list(
        "version_id", "revision__fact__key", "revision__display"
    ):
        displays.setdefault(version_id, {})[key] = display
    lines = {
        line.version_id: line
        for line in listing.lines(
            where="v.id = ANY(%(ids)s)", order="v.id", values={"ids": ids}, limit=len(ids)
        )
    }
    members = [
        Member(
            version=new,
            line=lines[new.pk],
            replaces=old,
            before=_as_shown(old, displays.get(old.pk, {})),
            after=_as_shown(new, displays.get(new.pk, {})),
            carries=new.facts != old.facts,
        )
        for new, old in pairs
    ]
    # The policy first: it says what changes; the texts follow by their address.
    return sorted(members, key=lambda one: (not one.carries, one.line.slug, one.line.language))


def _as_shown(version: Version, displays: Mapping[str, str]) -> Content:
    """Return a version's content with the values that it renders in their places."""
    content = content_of(version)
    shown = {key: displays.get(key, "[no value]") for key in rendering.fact_keys(content.body)}
    return replace(content, body=rendering.render(content.body, shown))


def _reviews(versions: Sequence[Version]) -> list[Review]:
    """Return one decision a person: a set is signed or returned as a whole."""
    rows = Review.objects.filter(version__in=versions).select_related("reviewer").order_by("pk")
    return list({(one.reviewer_id, one.decision): one for one in rows}.values())


def _drift(change_set: ChangeSet, versions: Sequence[Version], now: datetime) -> Drift | None:
    """Return why a set can't be signed any more, as `facts.approve_change_set` would find it."""
    at = max(now, change_set.effective_at) if change_set.effective_at else now
    replaced = {one.based_on_id: one.based_on for one in versions if one.based_on is not None}
    changed = FactRevision.objects.filter(carriers__version__in=list(replaced)).exclude(
        carriers__version__in=[one.pk for one in versions]
    )
    expected: dict[int, Version] = {}
    for revision in changed.distinct():
        targets = facts.affected(revision, at)
        expected |= {one.pk: one for one in (*targets.carriers, *targets.renderers)}
    if expected and expected.keys() == replaced.keys():
        return None
    return Drift(
        joined=[one for pk, one in expected.items() if pk not in replaced],
        gone=[one for pk, one in replaced.items() if pk not in expected],
    )


def _closing(change_set: ChangeSet) -> Closing | None:
    """Return the words with which a set was returned or withdrawn; the audit keeps them."""
    if change_set.state not in ("returned", "withdrawn"):
        return None
    row = AuditEvent.objects.filter(
        subject=f"change_set:{change_set.pk}", action=f"{change_set.state}_change_set"
    ).last()
    return Closing(row.actor, row.at, row.why) if row else None
