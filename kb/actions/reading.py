"""Articles as a client may read them: whole, but through the gate like every answer.

What the gate refuses isn't there: a missing article, another audience's and one on hold look the
same. It reads and never writes; reading leaves no ledger row, because nothing was answered. Called
by the doors.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from kb import gate
from kb.actions import citing
from kb.conf import settings
from kb.errors import Invalid, NotFound, NotPermitted
from kb.gate import Caller, Judged, Moment
from kb.models import Client, ClientKey
from kb.search.entries import primary_language
from policies.validity import valid_until


def moment(*, client: Client, as_of: datetime | None) -> Moment:
    """Return the asked moment. Raises NotPermitted (no right `history`) or Invalid (the future)."""
    if as_of is None:
        return gate.NOW
    if "history" not in client.rights:
        raise NotPermitted("Asking about the past needs the right `history`.")
    with gate.answering():
        now = gate.clock()
    if as_of > now:
        raise Invalid({"as_of": "lies in the future; only what governed so far can be asked"})
    return Moment(as_of=as_of)


def library(
    *, client: Client, as_of: datetime | None = None, after: int = 0, limit: int = 50
) -> tuple[list[dict[str, Any]], int | None]:
    """Return the versions in force that the client may read, and where the next page begins.

    Raises as `moment` does, and Unavailable.
    """
    asked = moment(client=client, as_of=as_of)
    found = gate.read_library(caller=_caller(client), moment=asked, after=after, limit=limit + 1)
    shown = found[:limit]
    return [_entry(one) for one in shown], shown[-1].version_id if len(found) > limit else None


def article(
    *,
    client: Client,
    key: ClientKey,
    slug: str,
    number: int | None = None,
    language: str | None = None,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Return one article's text in force, or its version `number` if that one may be served.

    Without `language` the service's own is preferred. Raises NotFound, and as `moment` does.
    """
    asked = moment(client=client, as_of=as_of)
    judged = gate.read_article(slug, caller=_caller(client), moment=asked, number=number)
    served = [one for one in judged if one.refusal is None]
    chosen = _chosen(served, language)
    if not chosen:
        raise NotFound("There is no such article, or it isn't yours to see.")
    first = chosen[0]
    return {
        **_entry(first),
        "languages": sorted({one.language for one in served}),
        "passages": [
            {"id": one.passage_id, "headings": one.headings, "text": one.text, "html": one.html}
            for one in chosen
        ],
        "served_at": first.served_at,
        "valid_until": _until(chosen, key, asked),
        "historical": asked.historical,
    }


def _caller(client: Client) -> Caller:
    return Caller(
        audience=client.audience,
        scope=client.scope,
        ignores_holds_in_the_past="audit" in client.rights,
    )


def _chosen(served: Sequence[Judged], language: str | None) -> list[Judged]:
    """Return the passages of one version: in the language asked for, or in the best there is."""
    wanted = language or settings().default_language
    exact = [one for one in served if one.language.casefold() == wanted.casefold()]
    near = [one for one in served if primary_language(one.language) == primary_language(wanted)]
    found = exact or near or ([] if language else list(served))
    return [one for one in found if one.version_id == found[0].version_id]


def _entry(one: Judged) -> dict[str, Any]:
    return {
        "id": one.article_id,
        "external_id": one.external_id,
        "slug": one.slug,
        "title": one.title,
        "kind": one.kind,
        "language": one.language,
        "journey": one.journey,
        "scope": one.scope,
        "url": citing.page_url(one.slug, one.number),
        "version": {
            "id": one.version_id,
            "number": one.number,
            "digest": one.digest,
            "published_at": one.published_at,
            "effective_from": one.starts_at,
            "effective_until": one.ends_at,
        },
    }


def _until(chosen: Sequence[Judged], key: ClientKey, asked: Moment) -> datetime:
    served_at = chosen[0].served_at
    if asked.historical:
        return served_at
    return valid_until(
        served_at=served_at,
        ttl=timedelta(seconds=settings().answer_ttl_s),
        moments=[*(one.changes_at for one in chosen), key.expires_at],
    )
