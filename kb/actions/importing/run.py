"""`import_articles`: a file of records, validated whole, staged, embedded, put in force at once.

Decides the order: read and check everything; write down what was checked, batch by batch, so that
an import killed in the middle goes on where it was; embed it; and only then take force, in one
short transaction. A bad record refuses the file whole, or is left out and reported (`skip_bad`).
Called by the command, the starter, and whoever has records already.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kb import gate
from kb.actions.importing import force, people, staging
from kb.actions.importing.articles import changes_of
from kb.actions.importing.force import InForce
from kb.actions.importing.people import Signers
from kb.actions.importing.plan import make_plan
from kb.actions.importing.reading import Place, Raw, Refusal, Source
from kb.actions.importing.records import Key, Reading, Record, read_record
from kb.actions.importing.staging import Progress, staged_name
from kb.actions.importing.steps import Entry, Options, Outcome, Plan
from kb.conf import settings
from kb.errors import Conflict, Invalid, KbError
from kb.inference.encoder import Encoder
from kb.models import ImportRun
from policies import importing as rules

logger = logging.getLogger("kb.importing")

_NEWS_EVERY = 50


class ImportRefused(KbError):
    """The file is refused whole; `refusing` says of each record why, and nothing of it is kept."""

    code = "import_refused"
    status = 422

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"The file is refused: {refusals[0]}")
        self.refusals = list(refusals)


@dataclass(frozen=True)
class Request:
    """What the operator asks for. Without approvers records stay drafts."""

    author: str
    approvers: tuple[str, ...] = ()
    source: str = rules.DEFAULT_SOURCE
    skip_bad: bool = False
    overwrite: bool = False
    retire_missing: bool = False
    dry_run: bool = False
    note: str = ""
    operator: str = ""

    @property
    def options(self) -> Options:
        """Return what the plan depends on."""
        return Options(
            source=self.source, overwrite=self.overwrite, retire_missing=self.retire_missing
        )


@dataclass
class Report:
    """What was done, or with `dry_run` what would be. `skipped` were refused and left out."""

    counts: dict[str, int]
    skipped: list[Refusal] = field(default_factory=list)
    left: list[tuple[Key, str]] = field(default_factory=list)
    kept: list[tuple[Key, str]] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    run_id: int | None = None
    resumed: bool = False
    embedded: int | None = None


@dataclass
class _Checked:
    """A file that can be imported: its plan, and what is left out of it."""

    entries: list[Entry]
    plan: Plan
    refusals: list[Refusal]
    spared: frozenset[str] | None

    @property
    def skipped_places(self) -> set[Place]:
        return {one.record for one in self.refusals if one.record}


def import_articles(
    records: Source,
    request: Request,
    *,
    encoder: Encoder | None = None,
    threads: int = 1,
    progress: Progress = lambda _phase, _done, _total: None,
) -> Report:
    """Import `records` and return what was done.

    Raises ImportRefused with every refusal, Invalid or NotPermitted about the people, Conflict
    (another import of the source runs, or the file changed meanwhile). Nothing takes force then.
    """
    _check_request(request)
    signers = people.signers(author=request.author, approvers=request.approvers)
    with staging.alone(request.source):
        checked = _check(records, request, signers, progress)
        if request.dry_run:
            return _report(checked, InForce(checked.plan))
        return _import(records, request, signers, checked, encoder, threads, progress)


def _check_request(request: Request) -> None:
    name = request.source
    if not name.strip() or len(name) > rules.NAME_LIMIT or not name.isprintable():
        raise Invalid({"source": f"must be a name of at most {rules.NAME_LIMIT} characters"})
    if request.retire_missing and not request.approvers:
        raise Invalid({"retire_missing": "needs --approver: retiring takes texts out of service"})


def _check(records: Source, request: Request, signers: Signers, progress: Progress) -> _Checked:
    """Read the whole file and plan it. Raises ImportRefused."""
    entries: list[Entry] = []
    refusals: list[Refusal] = []
    for number, read in enumerate(_read(records), start=1):
        if isinstance(read, Record):
            entries.append(Entry.of(read))
        else:
            refusals += read
        if number % _NEWS_EVERY == 0:
            progress("reading", number, 0)
    progress("reading", len(entries), len(entries))
    if not entries and not refusals:
        raise ImportRefused([Refusal(Place(records.name, 1), "file", "has no records in it")])
    while True:
        spared = _spared(refusals)
        plan = make_plan(
            entries, options=request.options, signers=signers, now=gate.clock(), spared=spared
        )
        refusals = [*refusals, *plan.refusals]
        fatal = any(one.fatal for one in refusals)
        if refusals and (fatal or not request.skip_bad or not entries):
            raise ImportRefused(sorted(refusals, key=lambda r: (r.place.file, r.place.line)))
        if not plan.refusals:
            return _Checked(entries, plan, refusals, spared)
        # Left out with their facts: what rests on those must be looked at again.
        bad = {one.record for one in plan.refusals}
        entries = [entry for entry in entries if entry.place not in bad]


def _read(records: Source) -> Iterator[Record | list[Refusal]]:
    using = settings()
    reading = Reading(zone=using.zone, default_language=using.default_language)
    for raw in records:
        yield read_record(raw, reading=reading) if isinstance(raw, Raw) else [raw]


def _spared(refusals: Sequence[Refusal]) -> frozenset[str] | None:
    """Return the external ids of refused records, or None where one has none that can be read."""
    names = [one.external_id for one in refusals]
    return None if None in names else frozenset(name for name in names if name)


def _import(
    records: Source,
    request: Request,
    signers: Signers,
    checked: _Checked,
    encoder: Encoder | None,
    threads: int,
    progress: Progress,
) -> Report:
    digest = records.digest()
    run = staging.open_run(
        source=request.source,
        file_name=records.name,
        file_digest=digest,
        options=_about(request),
        operator=request.operator,
        signers=signers,
    )
    resumed = run.records.exists()
    embedded = _prepare(run, records, checked, signers, encoder, threads, progress)
    if records.digest() != digest:
        raise Conflict(f"{records.name} changed while it was imported; start again.")
    progress("taking force", 0, 1)
    done = force.take_force(
        run.pk,
        options=request.options,
        signers=signers,
        spared=checked.spared,
        counts=lambda done: _counts(checked, done),
    )
    progress("taking force", 1, 1)
    report = _report(checked, done)
    report.run_id, report.resumed, report.embedded = run.pk, resumed, embedded
    staging.settle(
        run,
        {staged_name(step.entry.key): step.outcome.value for step in done.plan.steps},
        {staged_name(key): version for key, version in done.versions.items()},
    )
    return report


def _prepare(
    run: ImportRun,
    records: Source,
    checked: _Checked,
    signers: Signers,
    encoder: Encoder | None,
    threads: int,
    progress: Progress,
) -> int | None:
    """Stage and embed what isn't yet; return how many passages were embedded, if any could be."""
    publishes = bool(signers.approvers)
    staging.stage(
        run,
        _good(records, checked),
        shown={
            step.entry.key: force.displays_of(step) for step in checked.plan.steps if step.written
        },
        publishes=publishes,
        total=len(checked.entries),
        progress=progress,
    )
    if encoder is None or not publishes:
        return None
    return staging.embed(run, encoder=encoder, threads=threads, progress=progress)


def _good(records: Source, checked: _Checked) -> Iterator[Record]:
    skipped = checked.skipped_places
    for read in _read(records):
        if isinstance(read, Record) and read.place not in skipped:
            yield read


def _about(request: Request) -> dict[str, object]:
    """Return the options by which an interrupted run is known again."""
    return {
        "author": request.author,
        "approvers": list(request.approvers),
        "skip_bad": request.skip_bad,
        "overwrite": request.overwrite,
        "retire_missing": request.retire_missing,
        "note": request.note,
        "time_zone": settings().time_zone,
    }


def _counts(checked: _Checked, done: InForce) -> dict[str, int]:
    outcomes = [step.outcome for step in done.plan.steps]
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome}
    return {
        "read": len(checked.entries) + len({_where(one) for one in checked.refusals}),
        **counts,
        "skipped": len({_where(one) for one in checked.refusals}),
        "articles_updated": len(changes_of(done.plan)),
        "retired": len(_retired(done)),
    }


def _where(refusal: Refusal) -> tuple[object, ...]:
    return (refusal.record or refusal.place, refusal.external_id)


def _retired(done: InForce) -> list[str]:
    """Return the addresses of what the file no longer has."""
    return sorted({article.slug for _, article in done.plan.retiring})


def _report(checked: _Checked, done: InForce) -> Report:
    plan = done.plan
    return Report(
        counts=_counts(checked, done),
        skipped=checked.refusals,
        left=[(s.entry.key, s.why) for s in plan.steps if s.outcome == Outcome.left],
        kept=plan.kept,
        retired=_retired(done),
    )
