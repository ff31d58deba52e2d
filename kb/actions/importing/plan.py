"""What an import will do with each record, decided for all of them together.

Decides per text: new, changed, unchanged, or left alone because people work on it here; which texts
the file no longer has; and every refusal that only shows when records are laid beside each other
and beside what is held. It writes nothing. `run` asks it before staging; `force`
asks again under the locks, because the world may have moved on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from kb.actions.importing import facts, refusing
from kb.actions.importing.facts import UnansweredError
from kb.actions.importing.held import (
    Held,
    HeldArticle,
    HeldText,
    governing_facts,
    held_of,
    keys_of,
    pins_of,
)
from kb.actions.importing.people import Signers
from kb.actions.importing.reading import Refusal
from kb.actions.importing.records import Key
from kb.actions.importing.steps import Entry, Options, Outcome, Plan, Step, writing_of
from policies import importing as rules
from policies import lifecycle
from policies.facts import FactTerms


def make_plan(
    entries: Iterable[Entry],
    *,
    options: Options,
    signers: Signers,
    now: datetime,
    spared: Collection[str] | None = frozenset(),
) -> Plan:
    """Decide what becomes of the entries. It reads what is held, so lock first where it matters.

    `spared` are external ids of records that couldn't be read and so aren't missing; None: some
    couldn't even be named, so nothing is missing.
    """
    held = held_of(options.source, now=now)
    steps = [_step(entry, held, options, signers, now) for entry in entries]
    refusals = [
        *refusing.same_twice(steps),
        *refusing.signing(steps, signers),
        *refusing.journeys_on_hold(steps),
    ]
    retiring, kept = _missing(steps, held, options, spared)
    order: list[Key] = [step.entry.key for step in steps if step.written]
    if signers.approvers:
        order = _settle_facts(steps, retiring, refusals, now)
    else:
        refusals += refusing.unknown_facts(steps, now)
    refusals.sort(key=lambda one: (one.place.file, one.place.line))
    return Plan(steps=steps, refusals=refusals, order=order, retiring=retiring, kept=kept)


def _step(entry: Entry, held: Held, options: Options, signers: Signers, now: datetime) -> Step:
    external_id, language = entry.key
    article = held.get(external_id)
    text = article.texts.get(language) if article else None
    start = max(now, entry.effective_from) if entry.effective_from else now
    outcome, why = _outcome(entry, text, options, publishes=bool(signers.approvers))
    return Step(entry, outcome, article, text, start, why)


def _outcome(
    entry: Entry, text: HeldText | None, options: Options, *, publishes: bool
) -> tuple[Outcome, str]:
    if text is None:
        return Outcome.new, ""
    published = text.state == lifecycle.State.published
    drafted = text.own_draft and text.own_draft.digest == entry.digest
    if (published and text.digest == entry.digest) or (drafted and not publishes):
        return Outcome.unchanged, ""
    why = _left_because(text, options)
    if why:
        return Outcome.left, why
    return (Outcome.new if text.version_id is None else Outcome.changed), ""


def _left_because(text: HeldText, options: Options) -> str:
    """Return why people's work on a text is left as it is, or ''."""
    if text.open_work:
        return f"people work on it here ({text.open_work}); decide that first"
    if text.version_id is None or options.overwrite or text.retired_by_import:
        return ""
    if text.state == lifecycle.State.retired:
        return "it was retired here; --overwrite brings it back"
    return "" if text.imported else "it was edited here since; --overwrite replaces that"


def _missing(
    steps: list[Step], held: Held, options: Options, spared: Collection[str] | None
) -> tuple[list[tuple[Key, HeldArticle]], list[tuple[Key, str]]]:
    """Return the held texts that the file doesn't have: those to retire, and those kept and why."""
    retiring: list[tuple[Key, HeldArticle]] = []
    kept: list[tuple[Key, str]] = []
    if not options.retire_missing:
        return retiring, kept
    there = {step.entry.key for step in steps}
    for key in sorted(keys_of(held) - there):
        article = held[key[0]]
        text = article.texts[key[1]]
        if not text.governs:
            continue
        if spared is None:
            kept.append((key, "a refused record of this file might be it"))
        elif key[0] in spared:
            kept.append((key, "its record was refused"))
        elif not text.imported and not options.overwrite:
            kept.append((key, "it was edited here since; --overwrite retires it all the same"))
        else:
            retiring.append((key, article))
    return retiring, kept


def _settle_facts(
    steps: list[Step],
    retiring: list[tuple[Key, HeldArticle]],
    refusals: list[Refusal],
    now: datetime,
) -> list[Key]:
    """Choose what each text renders, add refusals, and return the order of publication."""
    governs = governing_facts(now)
    gone = {(article.article_id, key[1]) for key, article in retiring}
    shown = _held_pins(steps)
    while True:
        writings = {step.entry.key: writing_of(step) for step in steps if step.written}
        coming = facts.prospect(writings.values(), governs, retiring=gone)
        if not _rerender(steps, coming, shown):
            break
    by_key = {step.entry.key: step for step in steps}
    for key, writing in writings.items():
        try:
            by_key[key].pins = facts.chosen(writing, coming)
        except UnansweredError as error:
            refusals.append(by_key[key].entry.refusal("body", str(error)))
    refusals += refusing.fact_types(steps)
    refusals += refusing.collisions(by_key, writings.values(), coming)
    refusals += refusing.left_behind(by_key, writings, coming, now)
    needs = facts.needs({key: by_key[key].pins for key in writings}, coming)
    try:
        return rules.publication_order(needs)
    except rules.CircleError as error:
        key = error.nodes[0]
        others = ", ".join(sorted({node[0] for node in error.nodes} - {key[0]}))
        refusals.append(
            by_key[key].entry.refusal(
                "body", f"renders a fact of {others}, which renders one of this; let one go first"
            )
        )
        return list(writings)


def _held_pins(steps: list[Step]) -> dict[Key, dict[str, FactTerms]]:
    """Return what the unchanged texts show now."""
    steady = {
        step.text.version_id: step.entry.key
        for step in steps
        if step.outcome == Outcome.unchanged
        and step.entry.fact_keys
        and step.text
        and step.text.version_id is not None
        and not step.text.open_work
    }
    return {steady[pk]: pins for pk, pins in pins_of(steady).items()}


def _rerender(
    steps: list[Step],
    coming: facts.Prospect,
    shown: Mapping[Key, Mapping[str, FactTerms]],
) -> bool:
    """Mark unchanged texts that will have to show another value; say whether there were any."""
    found = False
    for step in steps:
        pins = shown.get(step.entry.key)
        if step.outcome != Outcome.unchanged or pins is None:
            continue
        try:
            new = facts.chosen(writing_of(step), coming)
        except UnansweredError:
            continue  # nothing answers any more: the text stays, and the gate keeps it back
        if {key: value.terms for key, value in new.items()} != pins:
            step.outcome = Outcome.rerendered
            found = True
    return found
