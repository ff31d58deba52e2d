"""An import taking force: all of a run's records in one short transaction, or none.

Decides the order of writing: everything heavy first, then the gate's fence, then publication and
periods, and the audit and change rows last. So an answer or an emergency hold meets the import only
in its last moments. The plan is made again under the locks; where the world has moved on so that
something would now be refused, nothing is kept. Called by `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kb.actions.importing import people, periods, revisions
from kb.actions.importing.articles import changes_of, make_articles, update_articles
from kb.actions.importing.people import Signers
from kb.actions.importing.plan import make_plan
from kb.actions.importing.reading import Refusal
from kb.actions.importing.records import Key, Record, from_json
from kb.actions.importing.staging import passages_of
from kb.actions.importing.steps import Entry, Options, Plan, Step
from kb.actions.locking import lock_articles, lock_facts
from kb.actions.preparing import pinning_articles
from kb.actions.work import Actor, Work, work
from kb.errors import Conflict
from kb.models import Article, CarriedFact, ImportRun, Passage, Review, StagedRecord, Version
from policies.approval import Meaning
from policies.lifecycle import State

ACTOR = "import"
_READ_AT_ONCE = 200
_WRITTEN_AT_ONCE = 100
_PASSAGES_AT_ONCE = 500


class WorldMovedOnError(Conflict):
    """What was fine when the file was checked is refused now; nothing of the import was kept."""

    code = "import_overtaken"

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__(f"Something changed since the file was checked: {refusals[0]}")
        self.refusals = refusals


@dataclass
class InForce:
    """What a run did: the plan that it carried out, and the versions that it made."""

    plan: Plan
    versions: dict[Key, int] = field(default_factory=dict)


def take_force(
    run_id: int,
    *,
    options: Options,
    signers: Signers,
    spared: Collection[str] | None,
    counts: Callable[[InForce], Mapping[str, int]],
) -> InForce:
    """Carry out a staged run; `counts` sums up for the records what was done.

    Raises WorldMovedOnError, Conflict or Refused; then nothing is kept and the run can be repeated.
    """
    with work(actor=Actor.system(ACTOR)) as doing:
        run = ImportRun.objects.select_for_update().get(pk=run_id)
        if run.state != "staging":
            raise Conflict("Another process has finished this import.")
        # Roles may have been taken away while the file was staged and embedded.
        signers = people.signers(
            author=signers.author.get_username(),
            approvers=[person.get_username() for person in signers.approvers],
        )
        entries, titles = _entries(run)
        _lock(options, entries)
        plan = make_plan(entries, options=options, signers=signers, now=doing.now(), spared=spared)
        if plan.refusals:
            raise WorldMovedOnError(plan.refusals)
        done = _carry_out(doing, run, plan, signers, titles)
        run.counts = dict(counts(done))
        run.state, run.finished_at = "in_force", doing.now()
        run.save(update_fields=["state", "finished_at", "counts"])
        doing.record("import", f"import:{run.pk}", new=_about(run, signers))
        return done


def _entries(run: ImportRun) -> tuple[list[Entry], dict[str, str]]:
    entries: list[Entry] = []
    titles: dict[str, str] = {}
    contents = run.records.order_by("pk").values_list("content", flat=True)
    for content in contents.iterator(chunk_size=_READ_AT_ONCE):
        record = from_json(content)
        entries.append(Entry.of(record))
        titles.setdefault(record.external_id, record.content.title)
    return entries, titles


def _lock(options: Options, entries: list[Entry]) -> None:
    """Lock the articles that the plan is about, then the facts, so that it stays true."""
    articles = Article.objects.filter(source=options.source)
    if not options.retire_missing:
        articles = articles.filter(external_id__in={entry.key[0] for entry in entries})
    lock_articles(articles.values_list("pk", flat=True))
    keys = {key for entry in entries for key in entry.fact_keys}
    keys |= {terms.key for entry in entries for terms in entry.terms}
    # What a replaced or retired policy states ends with it, whether or not the file names it.
    ending = CarriedFact.objects.filter(
        version__article__in=articles, version__state=State.published.value
    )
    lock_facts(keys | set(ending.values_list("revision__fact__key", flat=True)))


def _carry_out(
    doing: Work, run: ImportRun, plan: Plan, signers: Signers, titles: Mapping[str, str]
) -> InForce:
    done = InForce(plan)
    articles = make_articles(run, plan, titles=titles, now=doing.now())
    changes = changes_of(plan)
    bases = _bases(doing, plan)
    publishes = bool(signers.approvers)
    for rows in _staged(run):
        done.versions |= _write(doing, run, rows, plan, articles, bases, publishes=publishes)
    if not publishes:
        update_articles(doing, changes)
        return done
    revisions.write(plan, done.versions, now=doing.now())
    _review(doing, run, signers)
    at = doing.fence(_touched(plan) | set(changes))
    update_articles(doing, changes)
    periods.publish(doing, run, plan, done.versions, articles, now=at)
    periods.retire(doing, run, plan, now=at)
    return done


def _bases(doing: Work, plan: Plan) -> dict[Key, int]:
    """Return what each new version is based on; withdraw the imports' own drafts in the way.

    What stands in the place of such a draft is based on it: whoever wrote it can't approve that.
    """
    bases, drafts = {}, []
    for step in plan.steps:
        if not step.written or step.text is None:
            continue
        own = step.text.own_draft
        basis = own.version_id if own else step.text.version_id
        if basis is not None:
            bases[step.entry.key] = basis
        if own:
            drafts.append(own.version_id)
            doing.record("withdraw", f"version:{own.version_id}", why="a newer import replaces it")
    if drafts:
        now = doing.now()
        Version.objects.filter(pk__in=drafts).update(state=State.withdrawn.value, decided_at=now)
    return bases


def _staged(run: ImportRun) -> Iterator[list[StagedRecord]]:
    batch: list[StagedRecord] = []
    for row in run.records.order_by("pk").iterator(chunk_size=_READ_AT_ONCE):
        batch.append(row)
        if len(batch) == _WRITTEN_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _write(
    doing: Work,
    run: ImportRun,
    rows: list[StagedRecord],
    plan: Plan,
    articles: Mapping[str, int],
    bases: Mapping[Key, int],
    *,
    publishes: bool,
) -> dict[Key, int]:
    """Write the versions of some staged records, as drafts, with their passages."""
    steps = {step.entry.key: step for step in plan.steps if step.written}
    records = [(row, from_json(row.content)) for row in rows]
    written = [(row, record) for row, record in records if record.key in steps]
    now = doing.now()
    versions = Version.objects.bulk_create(
        Version(
            article_id=articles[record.external_id],
            language=record.language,
            based_on_id=bases.get(record.key),
            author=run.author,
            edited_by=run.author,
            created_at=now,
            edited_at=now,
            import_run=run,
            **record.content.as_fields() | {"change_note": run.options.get("note", "")},
        )
        for _, record in written
    )
    if publishes:
        _write_passages(doing, zip(versions, written, strict=True), steps)
    else:
        for version in versions:
            doing.record("open_draft", f"version:{version.pk}", new={"import": run.pk})
    keys = [record.key for _, record in written]
    return {key: version.pk for key, version in zip(keys, versions, strict=True)}


def _write_passages(
    doing: Work,
    versions: Iterable[tuple[Version, tuple[StagedRecord, Record]]],
    steps: Mapping[Key, Step],
) -> None:
    """Write the passages as staged, or split anew where a fact reads otherwise by now."""
    parts: list[Passage] = []
    anew: list[int] = []
    for version, (row, record) in versions:
        displays = displays_of(steps[record.key])
        passages = row.passages
        if row.content.get("shown") != displays or not passages:
            passages = passages_of(record.content, displays)
            anew += [version.pk] if passages else []
        parts += [Passage(version=version, **passage) for passage in passages]
    Passage.objects.bulk_create(parts, batch_size=_PASSAGES_AT_ONCE)
    if anew:
        doing.defer("embed_versions", version_ids=anew)


def displays_of(step: Step) -> dict[str, str]:
    """Return how the facts that the text renders will read."""
    return {key: value.terms.says() for key, value in step.pins.items()}


def _review(doing: Work, run: ImportRun, signers: Signers) -> None:
    """Send the run's versions to review, and attest each on its digest."""
    Version.objects.filter(import_run=run, state=State.draft.value).update(
        state=State.in_review.value, submitted_at=doing.now()
    )
    digests = list(
        Version.objects.filter(import_run=run, state=State.in_review.value)
        .order_by("pk")
        .values_list("pk", "digest")
    )
    now = doing.now()
    Review.objects.bulk_create(
        (
            Review(
                version_id=version_id,
                digest=digest or "",
                decision="approve",
                meaning=Meaning.import_attested.value,
                comment=run.options.get("note", ""),
                reviewer=person,
                decided_at=now,
                import_run=run,
            )
            for person in signers.approvers
            for version_id, digest in digests
        ),
        batch_size=_PASSAGES_AT_ONCE,
    )


def _touched(plan: Plan) -> set[int]:
    """Return the articles of which something that may be served is revoked."""
    written = [step for step in plan.steps if step.written and step.article]
    touched = {step.article.article_id for step in written if step.article}
    touched |= {article.article_id for _, article in plan.retiring}
    replaced = Version.objects.filter(article__in=touched, state=State.published.value)
    return touched | pinning_articles(replaced.values_list("pk", flat=True))


def _about(run: ImportRun, signers: Signers) -> dict[str, Any]:
    return {
        "source": run.source,
        "file": run.file_name,
        "file_digest": run.file_digest,
        "operator": run.operator,
        "author": signers.author.get_username(),
        "approvers": [person.get_username() for person in signers.approvers],
        "counts": run.counts,
    }
