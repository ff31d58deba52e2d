"""How a client names what it means: the words of an address or a body, turned into rows.

A version is its id or `slug:number`, a passage its id or its digest, an article its slug, a fact
its key. It decides nothing about who may know of them; missing gives NotFound, always in the same
words. It never writes. Called by recall and by the doors that place holds.
"""

from __future__ import annotations

import re

from django.db.models import Q

from kb.errors import NotFound
from kb.models import Article, Fact, Passage, Version

LARGEST_ID = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1
_SLUG_AND_NUMBER = re.compile(r"([A-Za-z0-9_-]{1,120}):([0-9]{1,10})")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9]{1,18}")


def article_id(text: str) -> int:
    """Return the id of the article with the slug `text`. Raises NotFound."""
    return _found("article", Article.objects.filter(slug=text).values_list("pk", flat=True).first())


def version_id(text: str) -> int:
    """Return the id of a version named by its id or by `slug:number`. Raises NotFound."""
    versions = Version.objects.exclude(number=None)
    if _ID.fullmatch(text):
        versions = versions.filter(pk=int(text))
    elif named := _SLUG_AND_NUMBER.fullmatch(text):
        number = min(int(named[2]), LARGEST_NUMBER)
        versions = versions.filter(article__slug=named[1], number=number)
    else:
        versions = versions.none()
    return _found("version", versions.values_list("pk", flat=True).first())


def passages(text: str) -> list[int]:
    """Return the ids of the passages named by an id or a digest. Raises NotFound."""
    rows = Passage.objects.order_by("pk")
    if _ID.fullmatch(text):
        rows = rows.filter(pk=int(text))
    elif _DIGEST.fullmatch(text):
        rows = rows.filter(digest=text)
    else:
        rows = rows.none()
    found = list(rows.values_list("pk", flat=True))
    _found("passage", found[0] if found else None)
    return found


def passage_digest(text: str) -> str:
    """Return the digest of a passage named by its id or its digest. Raises NotFound."""
    return Passage.objects.values_list("digest", flat=True).get(pk=passages(text)[0])


def versions_of_fact(key: str) -> list[int]:
    """Return the ids of the versions that render or carry a value of the fact. Raises NotFound."""
    fact = _found("fact", Fact.objects.filter(key=key).values_list("pk", flat=True).first())
    rows = Version.objects.filter(
        Q(pins__revision__fact=fact) | Q(carried__revision__fact=fact), published_at__isnull=False
    )
    return sorted(set(rows.values_list("pk", flat=True)))


def hold_target(kind: str, text: str) -> str:
    """Return what `text` names in the words that `kb.actions.holding` takes. Raises NotFound."""
    match kind:
        case "version":
            return str(version_id(text))
        case "passage":
            return passage_digest(text)
        case _:
            return text


def _found(what: str, pk: int | None) -> int:
    if pk is None:
        raise NotFound(f"There is no such {what}, or it isn't yours to see.")
    return pk
