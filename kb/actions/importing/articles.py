"""The articles of an import: made where there is none, updated where the file names other owners.

Decides addresses of new articles. What an article says is never here: that is its versions'. Called
by `force` within its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from kb.actions.importing.steps import Outcome, Plan, owners_of
from kb.actions.work import Work
from kb.models import Article, ImportRun, Journey, OwnerGroup
from kb.text.slugs import slug as slug_of
from policies import importing as rules

_FIELDS = ("owner", "journey", "review_every_days")
_AT_ONCE = 500


def make_articles(
    run: ImportRun, plan: Plan, *, titles: Mapping[str, str], now: datetime
) -> dict[str, int]:
    """Make the articles that are new, and return the id of each article of the file.

    `titles` gives the title of each external id: the address where the id can't be one.
    """
    ids = {s.entry.key[0]: s.article.article_id for s in plan.steps if s.article}
    new = list(
        dict.fromkeys(step.entry.key[0] for step in plan.steps if step.written and not step.article)
    )
    if not new:
        return ids
    named, owners = named_of(plan), owners_of(plan.steps)
    groups, journeys = _groups(set(owners.values())), _journeys(named)
    taken = set(Article.objects.values_list("slug", flat=True))
    made = [
        Article(
            slug=_free(rules.slug_of_id(external_id) or slug_of(titles[external_id]), taken),
            source=run.source,
            external_id=external_id,
            owner_group=groups[owners[external_id]],
            journey=journeys.get(named.get(external_id, {}).get("journey", "")),
            review_every_days=named.get(external_id, {}).get("review_every_days"),
            created_at=now,
        )
        for external_id in new
    ]
    rows = bulk_create_with_history(made, Article, batch_size=_AT_ONCE)
    return ids | {row.external_id: row.pk for row in rows}


def changes_of(plan: Plan) -> dict[int, dict[str, tuple[Any, Any]]]:
    """Return what the file changes about held articles: article id -> field -> (old, new)."""
    named = named_of(plan)
    changes: dict[int, dict[str, tuple[Any, Any]]] = {}
    for step in plan.steps:
        if step.article is None or step.outcome == Outcome.left:
            continue
        for name, new in named.get(step.entry.key[0], {}).items():
            old = getattr(step.article, name)
            if old != new:
                changes.setdefault(step.article.article_id, {})[name] = (old, new)
    return changes


def update_articles(doing: Work, changes: Mapping[int, Mapping[str, tuple[Any, Any]]]) -> None:
    """Write the changes, with history and an audit row an article.

    A journey or a review cycle can take a text out of service: the caller holds the fence.
    """
    if not changes:
        return
    rows = list(Article.objects.filter(pk__in=changes))
    groups = _groups({c["owner"][1] for c in changes.values() if "owner" in c})
    journeys = _journeys(
        {str(pk): {n: c[1] for n, c in one.items()} for pk, one in changes.items()}
    )
    for row in rows:
        change = changes[row.pk]
        if "owner" in change:
            row.owner_group = groups[change["owner"][1]]
        if "journey" in change:
            row.journey = journeys[change["journey"][1]]
        if "review_every_days" in change:
            row.review_every_days = change["review_every_days"][1]
        doing.record(
            "update_article",
            f"article:{row.slug}",
            old={name: old for name, (old, _) in change.items()},
            new={name: new for name, (_, new) in change.items()},
        )
    names = ["owner_group", "journey", "review_every_days"]
    bulk_update_with_history(rows, Article, names, batch_size=_AT_ONCE)


def named_of(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return what the file says about each article: only what a record names."""
    named: dict[str, dict[str, Any]] = {}
    for entry in (step.entry for step in plan.steps):
        for name in _FIELDS:
            value = getattr(entry, name)
            if value is not None:
                named.setdefault(entry.key[0], {})[name] = value
    return named


def _groups(names: set[str]) -> dict[str, OwnerGroup]:
    return {name: OwnerGroup.objects.get_or_create(name=name)[0] for name in sorted(names)}


def _journeys(named: Mapping[str, Mapping[str, Any]]) -> dict[str, Journey]:
    names = {one["journey"] for one in named.values() if one.get("journey")}
    return {name: Journey.objects.get_or_create(name=name)[0] for name in sorted(names)}


def _free(base: str, taken: set[str]) -> str:
    """Return the first address like `base` that isn't taken, and take it."""
    slug, number = base, 2
    while slug in taken:
        slug = f"{base}-{number}"
        number += 1
    taken.add(slug)
    return slug
