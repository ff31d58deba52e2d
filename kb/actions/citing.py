"""Citations: signed tokens that name one passage of one version, served in one answer.

A token proves that this service served it; what it is worth today is asked of the gate. Tokens are
signed with the newest key of `KB_CITATION_KEYS`; older keys still verify. Called by answering and
by the doors that read citations back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kb import gate
from kb.conf import settings
from kb.gate import Caller
from kb.models import Period
from policies.eligibility import Refusal

_SIGNATURE_BYTES = 16
_STATUS = {
    None: "current",
    Refusal.superseded: "superseded",
    Refusal.retired: "retired",
    Refusal.expired: "expired",
    Refusal.on_hold: "on_hold",
    Refusal.review_overdue: "review_overdue",
    Refusal.fact_superseded: "fact_superseded",
}


@dataclass(frozen=True)
class Citation:
    """What a token says: the answer, the passage, the version and its digest."""

    answer_id: uuid.UUID
    passage_id: int
    version_id: int
    digest: str


def token(citation: Citation) -> str:
    """Return the signed token of a citation: key id, payload and signature, dot by dot."""
    keys = settings().citation_keys
    key_id = list(keys)[-1]
    payload = _encode(
        json.dumps(
            [
                citation.answer_id.hex,
                citation.passage_id,
                citation.version_id,
                citation.digest[:16],
            ],
            separators=(",", ":"),
        ).encode()
    )
    return f"{key_id}.{payload}.{_sign(keys[key_id], key_id, payload)}"


def read(text: str) -> Citation | None:
    """Return what a token says, or None if it wasn't issued here or was tampered with."""
    parts = text.split(".")
    if len(parts) != 3 or not text.isascii():
        return None
    key_id, payload, signature = parts
    key = settings().citation_keys.get(key_id)
    if key is None or not hmac.compare_digest(_sign(key, key_id, payload), signature):
        return None
    answer, passage, version, digest = json.loads(_decode(payload))
    return Citation(
        answer_id=uuid.UUID(hex=answer), passage_id=passage, version_id=version, digest=digest
    )


def statuses(tokens: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for each token, its status now and the page of what replaced it, if anything.

    Read as an insider of no particular scope: a status isn't text, and a superseded version must
    not look unknown because its successor moved to another audience.
    """
    read_tokens = [read(text) for text in tokens]
    ids = [one.passage_id for one in read_tokens if one]
    _at, judged = gate.judge(ids, caller=Caller(audience="internal"))
    by_passage = {one.passage_id: one for one in judged}
    result = []
    for text, citation in zip(tokens, read_tokens, strict=True):
        one = by_passage.get(citation.passage_id) if citation else None
        if one is None or citation is None or not one.digest.startswith(citation.digest):
            result.append({"token": text, "status": "unknown", "replaced_by": None})
            continue
        status = _STATUS.get(one.refusal, "unknown")
        result.append({"token": text, "status": status, "replaced_by": replaced_by(one)})
    return result


def replaced_by(one: gate.Judged) -> str | None:
    """Return the page of the version that governs in place of `one`, if there is one."""
    if one.refusal is None:
        return None
    current = (
        Period.objects.filter(
            article_id=one.article_id, language=one.language, starts_at__lte=one.served_at
        )
        .exclude(ends_at__lte=one.served_at)
        .exclude(version_id=one.version_id)
        .values_list("version__number", flat=True)
        .first()
    )
    return page_url(one.slug, current) if current else None


def page_url(slug: str, number: int) -> str:
    """Return the public page of a version."""
    return f"{settings().public_url}/a/{slug}/v/{number}"


def _sign(key: str, key_id: str, payload: str) -> str:
    digest = hmac.new(key.encode(), f"{key_id}.{payload}".encode(), hashlib.sha256).digest()
    return _encode(digest[:_SIGNATURE_BYTES])


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
