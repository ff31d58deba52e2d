"""The ledger's rows: what was decided, on which passages, and beside it what the customer wrote.

Written in the transaction that read the gate, under its shared locks, before anything is sent.
Plain SQL, because this is the one write that every question pays for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from kb import conf
from kb.conf import settings
from policies.redaction import redact


@dataclass(frozen=True)
class Rests:
    """A passage that the answer rests on."""

    passage_id: int
    version_id: int
    article_id: int
    score: float


@dataclass(frozen=True)
class Entry:
    """Everything of a decision that the ledger keeps for good."""

    id: uuid.UUID
    client_id: int
    decision: str
    reason: str
    probability: float
    threshold: float
    question: str
    language: str
    audience: str
    scope: dict[str, str]
    channel: str
    purpose: str
    historical: bool
    as_of: datetime | None
    known_at: datetime | None
    served_at: datetime
    valid_until: datetime


@dataclass(frozen=True)
class Words:
    """What the customer wrote: redacted before it is stored, erasable afterwards."""

    question: str
    turns: Sequence[dict[str, Any]]
    conversation: str
    customer: str


_ANSWER = """WITH a AS (INSERT INTO kb_answer (id, client_id, decision, reason, probability,
    threshold, question_hash, language, audience, scope, channel, purpose, historical, as_of,
    known_at, served_at, valid_until, request_id)
  VALUES (%(id)s, %(client_id)s, %(decision)s, %(reason)s, %(probability)s, %(threshold)s,
    %(hash)s, %(language)s, %(audience)s, %(scope)s, %(channel)s, %(purpose)s, %(historical)s,
    %(as_of)s, %(known_at)s, %(served_at)s, %(valid_until)s, %(request_id)s)
  RETURNING id)
INSERT INTO kb_answercontent (answer_id, question, turns, conversation, customer, retain_until)
SELECT id, %(question)s, %(turns)s, %(conversation)s, %(customer)s, %(retain_until)s FROM a"""

_PASSAGES = """INSERT INTO kb_answerpassage
    (answer_id, rank, passage_id, version_id, article_id, score, served_at)
  SELECT %s, rank, passage, version, article, score, %s
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::float8[])
    WITH ORDINALITY AS r(passage, version, article, score, rank)"""


def write(entry: Entry, rests: Sequence[Rests], words: Words) -> None:
    """Append one answer, the passages it rests on, and the customer's words."""
    retention = timedelta(days=settings().content_retention_days)
    values = {
        **{name: getattr(entry, name) for name in Entry.__dataclass_fields__},
        "scope": Jsonb(entry.scope),
        "hash": question_hash(entry.question),
        "request_id": conf.request_id.get(),
        "question": redact(words.question),
        "turns": Jsonb([{**turn, "text": redact(str(turn["text"]))} for turn in words.turns]),
        "conversation": words.conversation,
        "customer": words.customer,
        "retain_until": entry.served_at + retention,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ANSWER, values)
        if rests:
            columns = [
                [getattr(one, name) for one in rests]
                for name in ("passage_id", "version_id", "article_id", "score")
            ]
            cursor.execute(_PASSAGES, [entry.id, entry.served_at, *columns])


def question_hash(question: str) -> str:
    """Return the keyed hash of a question: equal questions are counted, none can be read back."""
    key = settings().ledger_key.encode()
    normal = " ".join(question.casefold().split())
    return hmac.new(key, normal.encode(), hashlib.sha256).hexdigest()


def new_id() -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562, 5.7): in time order, which keeps its index compact."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 68) << 64
    return uuid.UUID(int=value | 0b10 << 62 | random & (2**62 - 1))
