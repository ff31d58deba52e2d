"""An import before it takes force: its run, its staged records, and the vectors of their passages.

Decides where an interrupted import goes on: a run of the same file under the same options is taken
up again, and nothing that is staged or embedded is done twice. Never touches what governs. Called
by `run`, a batch at a time, so that a process killed in the middle loses one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models.fields.json import KT

from kb import gate
from kb.actions import preparing
from kb.actions.content import Content
from kb.actions.importing.people import Signers
from kb.actions.importing.records import Key, Record, as_json
from kb.errors import Conflict, Invalid
from kb.inference.encoder import Encoder
from kb.models import ImportRun, StagedRecord, Version
from kb.search.embedding import embed_missing, embedding_text

_IMPORT_LOCK = 7403
_STAGED_AT_ONCE = 50
_EMBEDDED_AT_ONCE = 64

Progress = Callable[[str, int, int], None]
"""Called with a phase (`staging`, `embedding`, …), how much is done, and how much there is."""

Item = TypeVar("Item")


@contextmanager
def alone(source: str) -> Iterator[None]:
    """Hold the one import of `source` that may run; it ends with the connection at the latest.

    Raises Conflict if another one runs.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_IMPORT_LOCK, source])
        if not cursor.fetchone()[0]:
            raise Conflict(f"Another import of {source!r} is running; wait for its end.")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_unlock(%s, hashtext(%s))", [_IMPORT_LOCK, source]
                )


def open_run(
    *,
    source: str,
    file_name: str,
    file_digest: str,
    options: Mapping[str, Any],
    operator: str,
    signers: Signers,
) -> ImportRun:
    """Return the interrupted run of this very import, or a new one.

    Other unfinished runs of the source are given up: this file has taken their place.
    """  # fmt: skip
    with transaction.atomic():
        unfinished = ImportRun.objects.select_for_update().filter(source=source, state="staging")
        same = unfinished.filter(file_digest=file_digest, options=dict(options)).first()
        for run in unfinished.exclude(pk__in=[same.pk] if same else []):
            run.records.all().delete()
            run.state, run.finished_at = "abandoned", gate.clock()
            run.save(update_fields=["state", "finished_at"])
        # What a process left that was killed between taking force and settling.
        StagedRecord.objects.filter(run__source=source, run__state="in_force").exclude(
            passages=[]
        ).update(passages=[])
        if same is not None:
            return same
        run = ImportRun.objects.create(
            source=source,
            file_name=file_name[-300:],
            file_digest=file_digest,
            options=dict(options),
            operator=operator,
            author=signers.author,
            started_at=gate.clock(),
        )
        run.approvers.set(signers.approvers)
        return run


def staged_name(key: Key) -> str:
    """Return what a staged record is called: an article may come in several languages."""
    return f"{key[0]} ({key[1]})"


def stage(
    run: ImportRun,
    records: Iterable[Record],
    *,
    shown: Mapping[Key, Mapping[str, str]],
    publishes: bool,
    total: int,
    progress: Progress,
) -> None:
    """Stage the records that aren't yet, with the passages of those in `shown`.

    `shown` gives, for each text that will be written, what its facts read as.
    """
    done = set(run.records.values_list("external_id", flat=True))
    count = 0
    for batch in _batches(records, _STAGED_AT_ONCE):
        StagedRecord.objects.bulk_create(
            StagedRecord(
                run=run,
                line=record.place.line,
                external_id=staged_name(record.key),
                content=as_json(record) | {"shown": dict(shown.get(record.key, {}))},
                passages=passages_of(record.content, shown[record.key])
                if publishes and record.key in shown
                else [],
            )
            for record in batch
            if staged_name(record.key) not in done
        )
        count += len(batch)
        progress("staging", count, total)


def passages_of(content: Content, displays: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the passages of a text whose facts read as `displays`; none where it is all headings.

    Such a text is kept as it is, and never an answer.
    """
    version = Version(title=content.title, body=content.body, audience=content.audience)
    try:
        rows = preparing.passage_rows(version, displays)
    except Invalid as error:
        if error.code != Invalid.code:
            raise
        return []
    names = ("ordinal", "headings", "text", "html", "audience", "placeholder", "embedding_key")
    return [{name: getattr(row, name) for name in names} for row in rows]


def embed(run: ImportRun, *, encoder: Encoder, threads: int, progress: Progress) -> int:
    """Embed the staged passages that have no vector yet; return how many."""
    rows = run.records.order_by("pk").annotate(title=KT("content__content__title"))
    total = sum(len(passages) for passages in _passages(run))
    seen = done = 0
    for batch in _batches(rows.values_list("title", "passages").iterator(chunk_size=200), 16):
        texts = {
            one["embedding_key"]: embedding_text(title, one["headings"], one["text"])
            for title, passages in batch
            for one in passages
        }
        done += embed_missing(texts, encoder=encoder, threads=threads)
        seen += sum(len(passages) for _, passages in batch)
        progress("embedding", seen, total)
    return done


def settle(run: ImportRun, outcomes: Mapping[str, str], versions: Mapping[str, int]) -> None:
    """Keep of a finished run, for each record, what became of it; its text stands in the version.

    What stays also carries `reviewed_at`, which only feeds findings.
    """
    for batch in _batches(run.records.order_by("pk").iterator(chunk_size=200), 200):
        for row in batch:
            row.content = {
                "id": row.content["id"],
                "language": row.content["language"],
                "reviewed_at": row.content.get("reviewed_at"),
                "outcome": outcomes.get(row.external_id, row.content.get("outcome", "left")),
                "version": versions.get(row.external_id),
            }
            row.passages = []
        StagedRecord.objects.bulk_update(batch, ["content", "passages"])


def _passages(run: ImportRun) -> Iterator[list[Any]]:
    return run.records.values_list("passages", flat=True).iterator(chunk_size=200)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
