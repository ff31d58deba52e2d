"""Recall: who was told what. Every answer that rested on a version, article, passage or fact.

It reads the ledger and never writes. What a customer wrote is shown as long as it isn't erased. A
page costs the same however many answers there are: it walks one index from where the page before
ended, and looks at no more than so many of its rows. Called by the doors, which check the right
`recall`.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from kb import gate
from kb.actions import citing, naming
from kb.actions.citing import Citation
from kb.actions.work import translated
from kb.errors import NotFound
from kb.models import Answer, AnswerContent, AnswerPassage, Client
from policies import audience, eligibility
from policies.eligibility import ReasonCode

KINDS = ("version", "article", "passage", "fact")
PURPOSES = ("live", "test", "any")
_MOST_ROWS = 2_000
_MOST_ROWS_IN_ALL = 20_000


@dataclass(frozen=True)
class Position:
    """Where a page ended: the answer's instant and id."""

    served_at: datetime
    answer_id: uuid.UUID


@dataclass(frozen=True)
class Page:
    """Answers, newest first, and where to go on; a page may be short and still not be the last."""

    items: list[dict[str, Any]]
    next: Position | None


_WALK = """WITH hits AS MATERIALIZED (
  SELECT DISTINCT h.served_at, h.answer_id
  FROM unnest(%(ids)s::bigint[]) AS asked(id) CROSS JOIN LATERAL (
    SELECT DISTINCT p.served_at, p.answer_id FROM kb_answerpassage p
    WHERE p.{column} = asked.id AND p.served_at >= %(since)s AND p.served_at < %(until)s
      AND p.served_at <= %(at)s AND (p.served_at < %(at)s OR p.answer_id > %(id)s)
    ORDER BY p.served_at DESC, p.answer_id LIMIT %(rows)s) h
  ORDER BY h.served_at DESC, h.answer_id LIMIT %(rows)s)
SELECT h.served_at, h.answer_id, a.decision, a.reason, a.historical, a.purpose, c.name,
  a.purpose = %(purpose)s OR %(purpose)s = 'any' AS wanted
FROM hits h JOIN kb_answer a ON a.id = h.answer_id JOIN kb_client c ON c.id = a.client_id
ORDER BY h.served_at DESC, h.answer_id"""
_FIRST = "infinity"
_NO_ID = uuid.UUID(int=0)


def recall(
    *,
    kind: str,
    target: str,
    since: datetime | None = None,
    until: datetime | None = None,
    purpose: str = "live",
    limit: int = 50,
    after: Position | None = None,
) -> Page:
    """Return the answers that rested on `target`, newest first, served in [since, until).

    `kind` is one of KINDS; `target` is named as `kb.actions.naming` reads it. Raises NotFound.
    """
    with gate.answering(), translated():
        column, ids = _resting_on(kind, target)
        bounds = {
            "ids": ids,
            "since": since or "-infinity",
            "until": until or "infinity",
            "at": after.served_at if after else _FIRST,
            "id": after.answer_id if after else _NO_ID,
            "purpose": purpose,
        }
        shown, last = _page(column, bounds, limit)
        items = _with_details(shown)
    ended = Position(last["served_at"], last["answer_id"]) if last else None
    return Page(items=items, next=ended)


def own_answer(*, client: Client, answer_id: uuid.UUID) -> dict[str, Any]:
    """Return one answer as recorded, with what its citations are worth now.

    A client sees its own answers; with the right `recall` those of others too, what the customer
    wrote, and the texts of passages that its audience includes. Raises NotFound.
    """
    may_recall = "recall" in client.rights
    with gate.answering(), translated():
        row = Answer.objects.select_related("client").filter(pk=answer_id).first()
        if row is None or not (may_recall or row.client_id == client.pk):
            raise NotFound("There is no such answer, or it isn't yours to see.")
        reason = eligibility.reveal(
            ReasonCode(row.reason),
            probability=row.probability,
            may_know=client.audience != "public",
        )
        return {
            "id": row.pk,
            "client": row.client.name,
            "decision": row.decision,
            "reason": reason.value,
            "probability": round(row.probability, 4),
            "threshold": row.threshold,
            "language": row.language,
            "scope": row.scope,
            "purpose": row.purpose,
            "served_at": row.served_at,
            "valid_until": row.valid_until,
            "historical": row.historical,
            "passages": _cited(row, client if may_recall else None),
            "content": _content(row) if may_recall else None,
        }


def _resting_on(kind: str, target: str) -> tuple[str, list[int]]:
    """Return the column of the ledger's index and the ids to look for in it."""
    match kind:
        case "article":
            return "article_id", [naming.article_id(target)]
        case "passage":
            return "passage_id", naming.passages(target)
        case "fact":
            return "version_id", naming.versions_of_fact(target)
        case _:
            return "version_id", [naming.version_id(target)]


def _page(
    column: str, bounds: dict[str, Any], limit: int
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the rows to show, and the one from which the next page goes on (None at the end).

    A short walk is enough unless most of what is found was asked by another kind of client.
    """
    most = max(limit + 1, min(_MOST_ROWS, _MOST_ROWS_IN_ALL // max(1, len(bounds["ids"]))))
    for rows in (min(2 * limit + 1, most), most):
        walked = _walk(column, {**bounds, "rows": rows})
        wanted = [row for row in walked if row["wanted"]]
        if len(wanted) > limit:
            return wanted[:limit], wanted[limit - 1]
        if len(walked) < rows:
            return wanted, None
    return wanted, walked[-1]


def _walk(column: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_WALK.format(column=column), parameters)
        names = [one.name for one in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _with_details(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the items of a page: two queries for all of them."""
    ids = [row["answer_id"] for row in rows]
    conversations = dict(
        AnswerContent.objects.filter(answer_id__in=ids, erased_at=None).values_list(
            "answer_id", "conversation"
        )
    )
    passages: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    cited = AnswerPassage.objects.filter(answer_id__in=ids).order_by("answer_id", "rank")
    for answer, passage, slug, number in cited.values_list(
        "answer_id", "passage_id", "article__slug", "version__number"
    ):
        passages[answer].append({"id": passage, "article": slug, "version": number})
    return [
        {
            "id": row["answer_id"],
            "served_at": row["served_at"],
            "client": row["name"],
            "decision": row["decision"],
            "reason": row["reason"],
            "purpose": row["purpose"],
            "historical": row["historical"],
            "conversation": conversations.get(row["answer_id"]) or None,
            "passages": passages[row["answer_id"]],
        }
        for row in rows
    ]


def _cited(row: Answer, reader: Client | None) -> list[dict[str, Any]]:
    """Return the passages an answer rests on; their texts for a `reader` whose audience fits."""
    rests = list(
        AnswerPassage.objects.filter(answer=row)
        .select_related("passage", "version", "article")
        .order_by("rank")
    )
    tokens = [
        citing.token(
            Citation(
                answer_id=row.pk,
                passage_id=one.passage_id,
                version_id=one.version_id,
                digest=one.version.digest or "",
            )
        )
        for one in rests
    ]
    return [
        {
            "id": one.passage_id,
            "article": {
                "id": one.article_id,
                "external_id": one.article.external_id,
                "slug": one.article.slug,
            },
            "version": {
                "id": one.version_id,
                "number": one.version.number,
                "digest": one.version.digest,
            },
            "score": round(one.score, 4),
            "citation": status["token"],
            "status": status["status"],
            "replaced_by": status["replaced_by"],
            **_text(one, reader),
        }
        for one, status in zip(rests, citing.statuses(tokens), strict=True)
    ]


def _text(one: AnswerPassage, reader: Client | None) -> dict[str, Any]:
    if reader is None or not audience.includes(
        audience.parse(reader.audience), audience.parse(one.passage.audience)
    ):
        return {"headings": None, "text": None}
    return {"headings": one.passage.headings, "text": one.passage.text}


def _content(row: Answer) -> dict[str, Any] | None:
    content = AnswerContent.objects.filter(answer=row).first()
    if content is None:
        return None
    return {
        "question": content.question,
        "turns": content.turns,
        "conversation": content.conversation or None,
        "customer": content.customer or None,
        "erased_at": content.erased_at,
    }
