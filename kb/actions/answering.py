"""POST /answers: what governed text answers this question, recorded before it is sent.

Search proposes, outside the transaction. Then, in one transaction: shared locks on the candidates'
articles, the gate with its clock, the decision, the ledger rows. Nothing leaves the service that
isn't in the ledger, and nothing is in the ledger that the gate didn't let through at `served_at`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from kb import gate
from kb.actions import citing, ledger
from kb.actions.citing import Citation
from kb.actions.deliberating import Verdict, deliberate
from kb.actions.work import translated
from kb.conf import settings
from kb.errors import Invalid, NotPermitted
from kb.gate import Caller, Judged, Moment
from kb.models import Client, ClientKey
from kb.search import past, retrieval
from kb.search.entries import primary_language
from kb.search.proposals import Proposal
from kb.text import referring
from policies import eligibility, scope
from policies.eligibility import DecisionKind, ReasonCode, Refusal
from policies.validity import valid_until

_MESSAGES = {
    DecisionKind.escalate: "Please hand this over to a person, with the conversation so far.",
    DecisionKind.abstain: "No answer can be given from approved text. Offer a person.",
}


@dataclass(frozen=True)
class Question:
    """What a client asks. Scope terms narrow what is bound to the key."""

    query: str
    conversation: str = ""
    customer: str = ""
    history: tuple[dict[str, Any], ...] = ()
    scope: dict[str, str] = field(default_factory=dict)
    language: str | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None
    max_results: int = 5


def answer(*, client: Client, key: ClientKey | None, question: Question) -> dict[str, Any]:
    """Return the reply to a question, in the shape of the contract, after recording it.

    Raises Invalid (a scope that contradicts the key's, a future `as_of`), NotPermitted (the past
    without the right `history`) or Unavailable (the gate can't be asked).
    """
    caller = _caller(client, question)
    moment = Moment(as_of=question.as_of, known_at=question.known_at)
    _check_moment(client, moment)
    language = question.language or settings().default_language
    with gate.answering(), translated():
        proposal = propose(question.query, language=language, moment=moment)
        with transaction.atomic():
            candidates = proposal.candidates
            gate.share(one.article_id for one in candidates)
            served_at, judged = gate.judge(
                [one.passage_id for one in candidates], caller=caller, moment=moment
            )
            verdict = deliberate(
                proposal,
                judged,
                caller=caller,
                query=question.query,
                max_results=question.max_results,
            )
            verdict = _without_language(verdict, judged, question.language)
            until = _until(verdict, judged, served_at, key, moment)
            entry = _entry(client, caller, question, moment, verdict, language, served_at, until)
            words = ledger.Words(
                question=question.query,
                turns=question.history,
                conversation=question.conversation,
                customer=question.customer,
            )
            ledger.write(entry, _rests(verdict), words)
            details = _details(verdict.passages, caller)
    return _reply(entry, verdict, details, client)


def propose(query: str, *, language: str, moment: Moment = gate.NOW) -> Proposal:
    """Return the candidates for a question: from the indexes, or for the past from PostgreSQL."""
    limit = settings().candidates
    if moment.historical:
        primary = primary_language(language)
        return past.propose(query, language=primary, limit=limit, still_in_force=False)
    return retrieval.candidates(query=query, language=language, limit=limit)


def _caller(client: Client, question: Question) -> Caller:
    try:
        wanted = scope.narrow(client.scope, scope.normalise(question.scope))
    except ValueError as error:
        raise Invalid({"scope": str(error).removeprefix("scope: ")}) from error
    return Caller(
        audience=client.audience,
        scope=wanted,
        ignores_holds_in_the_past="audit" in client.rights,
    )


def _check_moment(client: Client, moment: Moment) -> None:
    if not moment.historical:
        return
    if "history" not in client.rights:
        raise NotPermitted("Asking about the past needs the right `history`.")
    now = gate.clock()
    for name in ("as_of", "known_at"):
        instant = getattr(moment, name)
        if instant is not None and instant > now:
            raise Invalid({name: "lies in the future; only what governed so far can be asked"})


def _without_language(verdict: Verdict, judged: Sequence[Judged], language: str | None) -> Verdict:
    """Say that a language isn't held where that is why nothing was found."""
    if language is None or judged:
        return verdict
    held = {primary_language(one) for one in gate.languages_in_force()}
    if primary_language(language) in held:
        return verdict
    return Verdict(
        reason=ReasonCode.unsupported_language,
        probability=0.0,
        threshold=verdict.threshold,
    )


def _until(
    verdict: Verdict,
    judged: Sequence[Judged],
    served_at: datetime,
    key: ClientKey | None,
    moment: Moment,
) -> datetime:
    """Return the first known change of what is shown, or else of what kept it from being shown."""
    if moment.historical:
        return served_at
    known = [one for one in judged if one.refusal != Refusal.out_of_audience]
    return valid_until(
        served_at=served_at,
        ttl=timedelta(seconds=settings().answer_ttl_s),
        moments=[
            *(one.changes_at for one in verdict.passages or known),
            gate.next_start(served_at),
            key.expires_at if key else None,
        ],
    )


def _entry(
    client: Client,
    caller: Caller,
    question: Question,
    moment: Moment,
    verdict: Verdict,
    language: str,
    served_at: datetime,
    until: datetime,
) -> ledger.Entry:
    return ledger.Entry(
        id=ledger.new_id(),
        client_id=client.pk,
        decision=verdict.decision.value,
        reason=verdict.reason.value,
        probability=verdict.probability,
        threshold=verdict.threshold,
        question=question.query,
        language=language,
        audience=caller.audience,
        scope=caller.scope,
        channel=client.channel,
        purpose=client.purpose,
        historical=moment.historical,
        as_of=moment.as_of,
        known_at=moment.known_at,
        served_at=served_at,
        valid_until=until,
    )


def _rests(verdict: Verdict) -> list[ledger.Rests]:
    return [
        ledger.Rests(
            passage_id=one.passage_id,
            version_id=one.version_id,
            article_id=one.article_id,
            score=verdict.scores[one.passage_id],
        )
        for one in verdict.passages
    ]


def _details(passages: Sequence[Judged], caller: Caller) -> dict[int, dict[str, Any]]:
    """Return, by version, who approved it, when, and the facts that the caller's part renders."""
    if not passages:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT v.id,
                 (SELECT max(r.decided_at) FROM kb_review r WHERE r.version_id = v.id
                    AND r.decision = 'approve' AND r.digest = v.digest),
                 (SELECT array_agg(u.username ORDER BY r.decided_at) FROM kb_review r
                    JOIN kb_person u ON u.id = r.reviewer_id WHERE r.version_id = v.id
                    AND r.decision = 'approve' AND r.digest = v.digest),
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('key', f.key, 'value', x.value,
                      'unit', nullif(x.unit, ''), 'display', x.display, 'scope', x.scope)
                      ORDER BY f.key), '[]')
                    FROM kb_pinnedfact n JOIN kb_factrevision x ON x.id = n.revision_id
                    JOIN kb_fact f ON f.id = x.fact_id WHERE n.version_id = v.id),
                 CASE WHEN EXISTS (SELECT FROM kb_passage p WHERE p.version_id = v.id
                    AND NOT kb_audience_rank(p.audience) <= kb_audience_rank(%(audience)s))
                    THEN jsonb_build_object('title', v.title, 'body', v.body,
                      'audience', v.audience) END
               FROM kb_version v WHERE v.id = ANY(%(versions)s)""",
            {
                "versions": sorted({one.version_id for one in passages}),
                "audience": caller.audience,
            },
        )
        return {
            version: {
                "approved_at": at,
                "approved_by": by,
                "facts": _told(json.loads(facts), divided, caller.audience),
            }
            for version, at, by, facts, divided in cursor.fetchall()
        }


def _told(facts: list[dict[str, Any]], divided: str | None, audience: str) -> list[dict[str, Any]]:
    """Leave out the facts that only sections for others render; `divided` is None without any."""
    if divided is None or not facts:
        return facts
    keys = referring.fact_keys_for(**json.loads(divided), reader=audience)
    return [fact for fact in facts if fact["key"] in keys]


def _reply(
    entry: ledger.Entry, verdict: Verdict, details: dict[int, dict[str, Any]], client: Client
) -> dict[str, Any]:
    may_know = client.audience != "public"
    return {
        "id": entry.id,
        "decision": entry.decision,
        "reason": eligibility.reveal(
            verdict.reason, probability=entry.probability, may_know=may_know
        ).value,
        "probability": round(entry.probability, 4),
        "threshold": entry.threshold,
        "quotes": [
            {
                "text": quote.text,
                "passage": verdict.passages[quote.passage_index].passage_id,
                "start": quote.start,
                "end": quote.end,
            }
            for quote in verdict.quotes
        ],
        "passages": [
            _passage(entry, one, verdict.scores[one.passage_id], details[one.version_id])
            for one in verdict.passages
        ],
        "clarify": _clarify(verdict),
        "handoff": _handoff(verdict),
        "served_at": entry.served_at,
        "valid_until": entry.valid_until,
        "historical": entry.historical,
    }


def _passage(
    entry: ledger.Entry, one: Judged, score: float, detail: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": one.passage_id,
        "text": one.text,
        "html": one.html,
        "headings": one.headings,
        "score": round(score, 4),
        "citation": citing.token(
            Citation(
                answer_id=entry.id,
                passage_id=one.passage_id,
                version_id=one.version_id,
                digest=one.digest,
            )
        ),
        "article": {
            "id": one.article_id,
            "external_id": one.external_id,
            "slug": one.slug,
            "title": one.title,
            "kind": one.kind,
            "url": citing.page_url(one.slug, one.number),
        },
        "version": {
            "number": one.number,
            "digest": one.digest,
            "approved_at": detail["approved_at"],
            "approved_by": detail["approved_by"],
            "effective_from": one.starts_at,
            "effective_until": one.ends_at,
        },
        "facts": detail["facts"],
    }


def _clarify(verdict: Verdict) -> dict[str, Any] | None:
    back = verdict.ask_back
    if back is None:
        return None
    return {
        "question": f"Which {back.key} do you mean?",
        "options": [{"label": value, "scope": {back.key: value}} for value in back.values],
    }


def _handoff(verdict: Verdict) -> dict[str, Any] | None:
    message = _MESSAGES.get(verdict.decision)
    if message is None:
        return None
    return {
        "required": verdict.decision == DecisionKind.escalate,
        "rule": verdict.reason.value if verdict.decision == DecisionKind.escalate else None,
        "queue": None,
        "contact": None,
        "open_now": None,
        "message": message,
    }
