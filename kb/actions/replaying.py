"""Idempotency: a POST that is sent again under the same key does nothing twice.

What it did and the record of it are one transaction, so a crash between the two can't happen. Two
at once: one does it, the other is told to come back. A replayed answer asks the gate again, and is
given only while all of it may still be served. A request that was refused did nothing and leaves no
record. What a customer wrote is never kept here: the request is known by a keyed hash. Called by
the doors; `kb.actions.upkeep` forgets the records after a day.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from kb import gate
from kb.actions.work import translated
from kb.conf import settings
from kb.errors import Conflict, Invalid, Refused
from kb.gate import Caller, Moment
from kb.models import Answer, AnswerPassage, Client, IdempotencyRecord
from policies.eligibility import DecisionKind

HEADER = "Idempotency-Key"


@dataclass(frozen=True)
class Outcome:
    """What a POST did: the status and JSON text that were sent, and the answer it gave, if any.

    `labels` are for the caller's figures and aren't kept; `replayed` says that nothing was done.
    """

    status: int
    text: str
    answer_id: uuid.UUID | None = None
    labels: tuple[str, ...] = ()
    replayed: bool = False


def request_digest(*, address: str, body: Any) -> str:
    """Return the keyed hash by which the same request is recognised, whatever its spacing."""
    text = json.dumps([address, body], sort_keys=True, separators=(",", ":"))
    return hmac.new(settings().ledger_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def once(*, client: Client, key: str, digest: str, do: Callable[[], Outcome]) -> Outcome:
    """Return what `do` gives, or what it gave when `key` was first used with the same request.

    Raises Conflict (`in_progress`), Invalid (`idempotency_key_reused`: the same key with another
    request), Refused (`answer_no_longer_valid`), and whatever `do` raises, which undoes it.
    """
    with gate.answering(), translated(), transaction.atomic():
        _take_turn(client, key)
        record = (
            IdempotencyRecord.objects.select_related("answer")
            .filter(client=client, key=key)
            .first()
        )
        if record is not None:
            return _again(record, client, digest)
        outcome = do()
        IdempotencyRecord.objects.create(
            client=client,
            key=key,
            request_digest=digest,
            status=outcome.status,
            body=outcome.text,
            answer_id=outcome.answer_id,
            created_at=gate.clock(),
        )
        return outcome


def _take_turn(client: Client, key: str) -> None:
    """Be the only one who uses this key until the transaction ends, or raise Conflict."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7403))", [f"{client.pk}:{key}"]
        )
        row = cursor.fetchone()
    if row is None or not row[0]:
        raise Conflict(
            "The same Idempotency-Key is being worked on just now. Ask again in a second.",
            code="in_progress",
        )


def _again(record: IdempotencyRecord, client: Client, digest: str) -> Outcome:
    if not hmac.compare_digest(record.request_digest, digest):
        raise Invalid(
            {HEADER: "was used with another request; take a new one for each request"},
            code="idempotency_key_reused",
        )
    if record.answer is not None and not _still_servable(record.answer, client):
        raise Refused(
            "What this answer said may not be served any more. Ask again under a new key.",
            code="answer_no_longer_valid",
        )
    return Outcome(
        status=record.status, text=str(record.body), answer_id=record.answer_id, replayed=True
    )


def _still_servable(answer: Answer, client: Client) -> bool:
    """Ask the gate about every passage of an answer, under the fence, as the client is now.

    What rests on no passage (an abstention, options to choose from) holds until its own end.
    """
    if answer.historical and "history" not in client.rights:
        return False
    if answer.decision != DecisionKind.answer and not answer.historical:
        return gate.clock() < answer.valid_until
    rests = list(
        AnswerPassage.objects.filter(answer=answer).values_list("passage_id", "article_id")
    )
    gate.share(article for _passage, article in rests)
    caller = Caller(
        audience=client.audience,
        scope={**answer.scope, **client.scope},
        ignores_holds_in_the_past="audit" in client.rights,
    )
    moment = Moment(as_of=answer.as_of, known_at=answer.known_at)
    _at, judged = gate.judge([passage for passage, _a in rests], caller=caller, moment=moment)
    return len(judged) == len(rests) and all(one.refusal is None for one in judged)
