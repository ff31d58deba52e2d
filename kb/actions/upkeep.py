"""What the worker does by itself: vectors ahead of publication, retention, forgetting replays.

Each function is one job (`kb.tasks`) and may run twice without harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from kb import gate
from kb.actions.work import Actor, work
from kb.inference import encoder
from kb.models import AnswerContent, IdempotencyRecord, Passage
from kb.search.embedding import embed_missing, embedding_text

REPLAYS_KEPT = timedelta(days=1)


def embed_versions(*, version_ids: Sequence[int]) -> int:
    """Embed the passages of these versions that have no vector yet; return how many.

    Done at submission, so that a text is found by its meaning from the moment it is published.
    Without an encoder nothing is done: the service says elsewhere that it runs on words alone.
    """
    using = encoder.current()
    if using is None:
        return 0
    rows = Passage.objects.filter(version__in=version_ids).values_list(
        "embedding_key", "version__title", "headings", "text"
    )
    texts = {key: embedding_text(title, headings, text) for key, title, headings, text in rows}
    return embed_missing(texts, encoder=using)


def erase_past_retention() -> int:
    """Erase what customers wrote longer ago than its retention; return how many rows.

    The ledger itself stays whole; the erasure is audited with its count.
    """
    with work(actor=Actor.system("retention")) as doing:
        now = doing.now()
        due = AnswerContent.objects.filter(retain_until__lt=now, erased_at=None)
        count = due.update(question="", turns=[], conversation="", customer="", erased_at=now)
        if count:
            doing.record("erase_past_retention", "answers", new={"erased": count})
        return count


def forget_replays() -> int:
    """Remove what was kept to recognise a repeated request; return how many rows."""
    old = IdempotencyRecord.objects.filter(created_at__lt=gate.clock() - REPLAYS_KEPT)
    return old.delete()[0]
