"""Locks that lifecycle actions take before they look: the article first, then the version.

Two people pressing at once is the normal case. Whoever comes second waits here, and then reads what
the first one committed.
"""

from __future__ import annotations

from collections.abc import Iterable

from kb.errors import NotFound
from kb.models import Article, Fact, Version


def lock_version(version_id: int) -> Version:
    """Lock a version and its article, in that order of size, and return it as it is now.

    Raises NotFound.
    """
    article_id = Version.objects.filter(pk=version_id).values_list("article_id", flat=True).first()
    if article_id is None:
        raise NotFound("There is no such version, or it isn't yours to see.")
    lock_articles([article_id])
    return (
        Version.objects.select_related("article__owner_group", "article__journey")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=version_id)
    )


def lock_articles(article_ids: Iterable[int]) -> None:
    """Lock articles in id order, without keeping those waiting who only refer to them."""
    list(
        Article.objects.filter(pk__in=sorted(set(article_ids)))
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    )


def lock_facts(keys: Iterable[str]) -> None:
    """Lock facts in id order: whoever changes one and whoever renders it take turns."""
    list(
        Fact.objects.filter(key__in=set(keys))
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    )
