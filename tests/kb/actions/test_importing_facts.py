"""The facts of an import: rendered, in conflict, changed together with whoever shows them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.gate import Caller
from kb.models import FactRevision, Passage, Person, PinnedFact, Version
from policies.eligibility import Refusal
from tests import stories
from tests.kb.actions.importing_stories import bring, fact, record, refused, team, versions

pytestmark = pytest.mark.django_db
SHOWS = "You have {{ fact refund.window }} to bring it back."


@pytest.fixture(autouse=True)
def _people(db: None) -> None:
    team()


def text(name: str, at: int = -1) -> str:
    """What a version says to a reader."""
    return " ".join(versions(name)[at].passages.values_list("text", flat=True))


def refusals(version: Version) -> set[Refusal | None]:
    ids = list(version.passages.values_list("pk", flat=True))
    _at, judged = gate.judge(ids, caller=Caller(audience="public"))
    return {one.refusal for one in judged}


def test_a_text_shows_a_fact_of_the_same_file_in_any_order():
    bring(record("how", body=SHOWS), record("rule", facts=[fact()]))
    assert text("how") == "You have 30 days to bring it back."
    assert refusals(versions("how")[0]) == refusals(versions("rule")[0]) == {None}
    assert PinnedFact.objects.get().revision.display == "30 days"


def test_a_text_shows_a_fact_that_is_in_force():
    bring(record("rule", facts=[fact()]))
    bring(record("how", body=SHOWS), source="other")
    (version,) = Version.objects.filter(article__external_id="how")
    assert refusals(version) == {None}


def test_a_policy_shows_its_own_fact():
    bring(record("rule", body=SHOWS, facts=[fact()]))
    assert text("rule") == "You have 30 days to bring it back."


def test_the_value_fits_the_scope_of_the_text():
    bring(
        record("rule", facts=[fact(), fact(value=14, scope={"region": "EU"})]),
        record("how", body=SHOWS),
        record("how-eu", body=SHOWS, scope={"region": "EU"}),
    )
    assert (text("how"), text("how-eu")) == (
        "You have 30 days to bring it back.",
        "You have 14 days to bring it back.",
    )


@pytest.mark.parametrize("approvers", [("approver",), ()])
def test_an_unknown_fact_is_refused(approvers: tuple[str, ...]):
    found = refused(record("a"), record("how", body=SHOWS), approvers=approvers)
    assert "refers to the fact refund.window, but no policy in this file" in found[2, "body"]


def test_a_fact_that_begins_later_than_its_text_is_refused():
    later = (gate.clock() + timedelta(days=5)).date().isoformat()
    found = refused(record("rule", facts=[fact(effective_from=later)]), record("how", body=SHOWS))
    assert "at the time when this text takes effect" in found[2, "body"]


def test_a_value_that_depends_on_an_unnamed_scope_is_refused():
    rule = record(
        "rule", facts=[fact(scope={"region": "EU"}), fact(value=14, scope={"region": "UK"})]
    )
    found = refused(rule, record("how", body=SHOWS))
    assert "depends on a scope" in found[2, "body"]


def test_two_values_of_one_file_that_contradict_each_other_are_refused():
    found = refused(record("a", facts=[fact()]), record("b", facts=[fact(value=14)]))
    reason = found[2, "facts[0]"]
    assert "is 30 days everywhere and 14 days everywhere" in reason
    assert "line 1 of a.jsonl" in reason


def test_two_values_of_one_record_that_contradict_each_other_are_refused():
    found = refused(record("a", facts=[fact(), fact(value=14)]))
    assert found.keys() == {(1, "facts[1]")}


def test_a_value_that_contradicts_one_in_force_is_refused():
    bring(record("a-rule", facts=[fact()]), source="other")
    found = refused(record("b", facts=[fact(value=14)]))
    assert "the other stands in /a/a-rule" in found[1, "facts[0]"]


def test_values_one_after_the_other_do_not_contradict():
    report = bring(
        record("a", facts=[fact(effective_until="2030-12-31")]),
        record("b", facts=[fact(value=14, effective_from="2031-01-01")]),
        record("how", body=SHOWS),
    )
    assert report.counts["new"] == 3
    assert text("how") == "You have 30 days to bring it back."


def test_one_value_stated_twice_is_one_revision():
    bring(record("a", facts=[fact()]), record("b", facts=[fact()]))
    assert FactRevision.objects.get().carriers.count() == 2


def test_a_fact_keeps_its_type():
    bring(record("a", facts=[fact()]))
    money = {"key": "refund.window", "type": "money", "value": 5, "unit": "EUR"}
    found = refused(record("b", facts=[money]))
    assert "is a duration, not a money" in found[1, "facts[0].type"]
    found = refused(record("c", facts=[fact("x.y")]), record("d", facts=[money | {"key": "x.y"}]))
    assert (2, "facts[0].type") in found


def test_a_changed_fact_takes_every_text_of_the_file_with_it():
    how = record("how", body=SHOWS)
    bring(record("rule", facts=[fact()]), how)
    report = bring(record("rule", facts=[fact(value=14)]), how)
    assert (report.counts["changed"], report.counts["rerendered"]) == (1, 1)
    assert text("how") == "You have 14 days to bring it back."
    assert text("how", 0) == "You have 30 days to bring it back."
    assert refusals(versions("how")[-1]) == {None}
    assert bring(record("rule", facts=[fact(value=14)]), how).counts["unchanged"] == 2


def test_a_fact_that_texts_elsewhere_show_is_not_changed_by_an_import():
    bring(record("rule", facts=[fact()]))
    bring(record("how-to", body=SHOWS), source="other")
    found = refused(record("rule", facts=[fact(value=14)]))
    assert "which texts outside this file show (how-to)" in found[1, "facts"]
    assert bring(record("rule", body="Other words.", facts=[fact()])).counts["changed"] == 1


def test_a_fact_that_a_text_people_edited_shows_is_not_changed_by_an_import():
    people = {p.username: p for p in Person.objects.all()}
    how = record("how-to", body=SHOWS)
    bring(record("rule", facts=[fact()]), how)
    edited = stories.successor(people, versions("how-to")[-1], body=SHOWS + " Keep the receipt.")
    stories.approve(edited, people["approver"])
    found = refused(record("rule", facts=[fact(value=14)]), how)
    assert found.keys() == {(1, "facts")}


def test_a_fact_of_a_text_left_alone_is_not_changed():
    people = {p.username: p for p in Person.objects.all()}
    bring(record("rule", facts=[fact()]), record("how", body=SHOWS))
    stories.approve(
        stories.successor(people, versions("rule")[-1], body="Better words."), people["approver"]
    )
    report = bring(record("rule", facts=[fact(value=14)]), record("how", body="Now " + SHOWS))
    assert (report.counts["left"], report.counts["changed"]) == (1, 1)
    assert text("how") == "Now You have 30 days to bring it back."


def test_a_fact_that_goes_with_a_retired_text_is_unknown():
    bring(record("rule", facts=[fact()]), record("how"))
    found = refused(record("how", body=SHOWS), retire_missing=True)
    assert "no policy in this file or in force" in found[1, "body"]


def test_texts_that_show_each_others_facts_are_refused():
    one = record("one", body=SHOWS, facts=[fact("a.fee", 1)])
    other = record("other", body="{{ fact a.fee }} it is.", facts=[fact()])
    found = refused(one, other)
    ((_line, field),) = found
    assert field == "body"
    assert "renders a fact of" in next(iter(found.values()))


def test_a_chain_of_facts_takes_force_in_order():
    report = bring(
        record("c", body="{{ fact b.fee }} it is."),
        record("b", body="{{ fact a.fee }} it is.", facts=[fact("b.fee", 2)]),
        record("a", facts=[fact("a.fee", 1)]),
    )
    assert report.counts["new"] == 3
    assert (text("b"), text("c")) == ("1 day it is.", "2 days it is.")


def test_an_unchanged_text_whose_fact_has_ended_stays_as_it_is(clock):
    until = (gate.clock() + timedelta(days=5)).date().isoformat()
    bring(record("rule", facts=[fact(effective_until=until)]), record("how", body=SHOWS))
    clock.forward(timedelta(days=10))
    report = bring(record("rule", facts=[fact(effective_until=until)]), record("how", body=SHOWS))
    assert report.counts["unchanged"] == 2
    assert refusals(versions("how")[0]) == {Refusal.fact_superseded}


def test_bad_facts_are_left_out_with_what_rests_on_them():
    report = bring(
        record("rule", kind="resolution", facts=[fact()]),
        record("how", body=SHOWS),
        record("why"),
        skip_bad=True,
    )
    assert (report.counts["new"], report.counts["skipped"]) == (1, 2)
    assert {(one.place.line, one.field) for one in report.skipped} == {(1, "facts"), (2, "body")}


def test_many_facts_take_force_together():
    rules = [record(f"rule-{n}", facts=[fact(f"fact.number{n}", n + 1)]) for n in range(150)]
    shows = [record(f"how-{n}", body=f"It is {{{{ fact fact.number{n} }}}}.") for n in range(150)]
    assert bring(*shows, *rules).counts["new"] == 300
    assert text("how-149") == "It is 150 days."


def test_drafts_may_show_facts_of_other_drafts():
    report = bring(record("rule", facts=[fact()]), record("how", body=SHOWS), approvers=())
    assert report.counts["new"] == 2
    assert not Passage.objects.exists()
