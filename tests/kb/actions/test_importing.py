"""An import beside what is held: new, changed, unchanged, left alone, missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import audit, gate
from kb.actions import drafting, holding, publishing
from kb.actions.work import Actor
from kb.errors import Invalid, NotPermitted
from kb.gate import Caller
from kb.models import (
    Article,
    AuditEvent,
    Change,
    ImportRun,
    Period,
    Person,
    Version,
)
from policies.eligibility import Refusal
from tests import stories
from tests.kb.actions.importing_stories import (
    SOURCE,
    article,
    bring,
    edit,
    record,
    refused,
    team,
    versions,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(db: None) -> None:
    team()


def refusals(version: Version) -> set[Refusal | None]:
    ids = list(version.passages.values_list("pk", flat=True))
    _at, judged = gate.judge(ids, caller=Caller(audience="public"))
    return {one.refusal for one in judged}


def test_an_attested_record_is_in_force_at_once():
    report = bring(record("returns", journey="Returns", review_every_days=90))
    assert report.counts["new"] == 1
    (version,) = versions("returns")
    assert (version.state, version.number, version.author.username) == ("published", 1, "editor")
    assert refusals(version) == {None}
    review = version.reviews.get()
    assert (review.meaning, review.reviewer.username) == ("import_attested", "approver")
    assert review.import_run_id == report.run_id
    held = article("returns")
    assert (held.slug, held.owner_group.name) == ("returns", "Imported")
    assert (held.journey.name, held.review_every_days) == ("Returns", 90)
    assert held.history.count() == 1


def test_what_was_done_is_audited_and_announced():
    report = bring(record("returns"))
    (version,) = versions("returns")
    row = AuditEvent.objects.get(subject=f"version:{version.pk}", action="publish")
    assert row.actor == "system:import"
    run = AuditEvent.objects.get(subject=f"import:{report.run_id}")
    assert '"author": "editor"' in run.new
    assert [c.kind for c in Change.objects.order_by("cursor")] == ["published", "in_effect"]
    assert audit.verify() == []


def test_without_an_approver_records_stay_drafts():
    report = bring(record("returns"), approvers=())
    (version,) = versions("returns")
    assert (version.state, report.counts["new"]) == ("draft", 1)
    editor, approver = (Person.objects.get(username=n) for n in ("editor", "approver"))
    assert stories.approve(stories.submit(version, editor), approver).state == "published"


def test_the_same_again_makes_no_new_version():
    records = [record("a", scope={"region": "EU"}), record("b", effective_from="2020-01-01")]
    bring(*records)
    before = Version.objects.count()
    report = bring(*records)
    assert (report.counts["unchanged"], report.counts["new"]) == (2, 0)
    assert Version.objects.count() == before
    bring(*records, approvers=())
    assert Version.objects.count() == before


def test_a_changed_record_follows_its_predecessor():
    bring(record("a"))
    report = bring(record("a", body="Other words of a."))
    assert report.counts["changed"] == 1
    first, second = versions("a")
    assert second.based_on == first
    assert Period.objects.get(version=first).closed_by == second
    assert (refusals(first), refusals(second)) == ({Refusal.superseded}, {None})


def test_a_change_of_one_word_of_metadata_makes_no_version_and_is_audited():
    bring(record("a", owner="Desk"))
    report = bring(record("a", owner="Payments", journey="Refunds", review_every_days=30))
    assert (report.counts["unchanged"], report.counts["articles_updated"]) == (1, 1)
    held = article("a")
    assert (held.owner_group.name, held.journey.name) == ("Payments", "Refunds")
    row = AuditEvent.objects.get(action="update_article")
    assert '"owner": "Desk"' in row.old
    assert held.history.count() == 2
    assert bring(record("a")).counts["articles_updated"] == 0


def test_a_scheduled_record_takes_effect_by_itself(clock):
    bring(record("a"))
    later = gate.clock() + timedelta(days=3)
    bring(record("a", body="New words of a.", effective_from=later.isoformat()))
    first, second = versions("a")
    assert (refusals(first), refusals(second)) == ({None}, {Refusal.not_yet_in_effect})
    clock.forward(timedelta(days=4))
    assert (refusals(first), refusals(second)) == ({Refusal.superseded}, {None})


def test_a_record_after_its_own_end_is_kept_and_reads_expired():
    bring(record("a", effective_until="2020-12-31"))
    (version,) = versions("a")
    assert refusals(version) == {Refusal.expired}
    assert bring(record("a", effective_until="2020-12-31")).counts["unchanged"] == 1


def test_two_languages_are_two_texts_of_one_article():
    german = record("a", language="de", title="Über a", body="Alles über a.")
    report = bring(record("a"), german)
    assert report.counts["new"] == 2
    assert Article.objects.filter(source=SOURCE).count() == 1
    assert {v.number for v in Version.objects.filter(article=article("a"))} == {1, 2}
    assert bring(record("a"), german).counts["unchanged"] == 2


def test_one_id_in_two_sources_is_two_articles():
    bring(record("returns-policy"))
    bring(record("returns-policy"), source="other")
    slugs = set(Article.objects.values_list("slug", flat=True))
    assert slugs == {"returns-policy", "returns-policy-2"}


def test_a_text_of_headings_alone_is_kept_and_never_answers():
    bring(record("contents", body="# Contents\n\n## A\n\n## B"))
    (version,) = versions("contents")
    assert version.state == "published"
    assert not version.passages.exists()


# People


def test_an_edited_text_is_not_overwritten_unless_asked():
    bring(record("a"))
    edited = edit("a", body="Better words of a.")
    report = bring(record("a", body="New words of a."))
    assert report.counts["left"] == 1
    assert "--overwrite" in report.left[0][1]
    assert versions("a")[-1] == edited
    assert bring(record("a", body="New words of a."), overwrite=True).counts["changed"] == 1
    assert versions("a")[-1].body == "New words of a."


def test_an_edit_that_says_what_the_file_says_is_no_difference():
    bring(record("a"))
    edit("a", body="Better words of a.")
    assert bring(record("a", body="Better words of a.")).counts["unchanged"] == 1


@pytest.mark.parametrize("submitted", [False, True])
def test_work_in_progress_is_left_alone(submitted: bool):
    bring(record("a"))
    editor = Person.objects.get(username="editor")
    draft = drafting.open_draft(actor=Actor.of(editor), article_id=article("a").pk)
    if submitted:
        stories.submit(draft, editor)
    for overwrite in (False, True):
        report = bring(record("a", body="New words of a."), overwrite=overwrite)
        assert report.counts["left"] == 1
        assert "by editor" in report.left[0][1]
    assert bring(record("a")).counts["unchanged"] == 1


def test_a_retired_text_comes_back_only_when_asked():
    bring(record("a"))
    approver = Person.objects.get(username="approver")
    publishing.retire_version(actor=Actor.of(approver), version_id=versions("a")[0].pk, why="wrong")
    assert bring(record("a")).counts["left"] == 1
    assert bring(record("a"), overwrite=True).counts["changed"] == 1
    assert refusals(versions("a")[-1]) == {None}


def test_an_untouched_draft_of_an_earlier_import_gives_way():
    bring(record("a"), approvers=())
    assert bring(record("a"), approvers=()).counts["unchanged"] == 1
    bring(record("a", body="New words of a."), approvers=())
    bring(record("a", body="New words of a."))
    assert [v.state for v in versions("a")] == ["withdrawn", "withdrawn", "published"]


def test_a_touched_draft_of_an_earlier_import_is_peoples_work():
    bring(record("a"), approvers=())
    editor = Person.objects.get(username="editor")
    (draft,) = versions("a")
    drafting.save_draft(
        actor=Actor.of(editor),
        version_id=draft.pk,
        edits=draft.edits,
        content=stories.content(body="Better words of a."),
    )
    assert bring(record("a")).counts["left"] == 1


def test_whoever_wrote_a_draft_cannot_approve_what_replaces_it():
    both = stories.person("both", "editor", "approver")
    bring(record("a"), author=both.username, approvers=())
    found = refused(record("a", body="New words of a."), approvers=("both",))
    assert "both wrote the draft" in found[1, "approver"]


def test_author_and_approver_are_two_people():
    stories.person("both", "editor", "approver")
    with pytest.raises(NotPermitted) as error:
        bring(record("a"), author="both", approvers=("both",))
    assert error.value.code == "four_eyes"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"author": "nobody"}, "author: there is nobody called 'nobody'"),
        ({"approvers": ("nobody",)}, "approver: there is nobody called"),
        ({"approvers": ("approver", "approver")}, "named twice"),
        ({"approvers": ("a", "b", "c")}, "at most 2"),
        ({"source": " "}, "source: must be a name"),
        ({"approvers": (), "retire_missing": True}, "needs --approver"),
    ],
)
def test_people_and_options_are_checked_first(how: dict[str, object], why: str):
    with pytest.raises(Invalid, match=why):
        bring(record("a"), **how)


def test_people_need_their_roles():
    stories.person("reader", "auditor")
    with pytest.raises(NotPermitted, match="isn't editor or approver"):
        bring(record("a"), author="reader")
    with pytest.raises(NotPermitted, match="isn't approver"):
        bring(record("a"), approvers=("reader",))


def test_people_of_one_group_import_for_it_alone():
    stories.person("desk", "editor", group="Desk")
    found = refused(record("a", owner="Desk"), record("b", owner="Money"), author="desk")
    assert found == {(2, "owner"): "desk may not write for 'Money'; name somebody who may"}
    assert bring(record("a", owner="Desk"), author="desk").counts["new"] == 1


def test_high_risk_needs_two_approvers():
    found = refused(record("a"), record("b", risk="high"))
    assert "needs two approvals" in found[2, "risk"]
    bring(record("b", risk="high"), approvers=("approver", "second_approver"))
    (version,) = versions("b")
    assert (version.state, version.reviews.count()) == ("published", 2)


# The file


def test_one_bad_record_refuses_the_file_whole():
    found = refused(record("a"), record("b", kind="rule"), record("c", colour="red"))
    assert found.keys() == {(2, "kind"), (3, "colour")}
    assert not Article.objects.exists()
    assert not ImportRun.objects.exists()


def test_bad_records_are_left_out_when_asked():
    report = bring(record("a"), record("b", kind="rule"), record("a"), skip_bad=True)
    assert (report.counts["new"], report.counts["skipped"], report.counts["read"]) == (1, 2, 3)
    assert [one.place.line for one in report.skipped] == [2, 3]


def test_nothing_but_bad_records_is_refused():
    assert refused(record("a", kind="rule"), skip_bad=True)


def test_an_empty_file_is_refused():
    assert refused() == {(1, "file"): "has no records in it"}


def test_an_id_that_comes_twice_is_refused_with_both_lines():
    found = refused(record("a"), record("b"), record("a", body="Other."))
    assert "stands in line 1 of a.jsonl already" in found[3, "id"]


def test_two_languages_must_agree_about_their_article():
    found = refused(record("a", owner="Desk"), record("a", language="de", owner="Money"))
    assert "'Money' here and 'Desk' in line 1" in found[2, "owner"]


def test_a_dry_run_keeps_nothing():
    report = bring(record("a"), record("b"), dry_run=True)
    assert report.counts["new"] == 2
    assert not Article.objects.exists()
    assert not ImportRun.objects.exists()


def test_a_journey_on_hold_is_not_left_by_an_import():
    bring(record("a", journey="Refunds"))
    editor = Person.objects.get(username="editor")
    holding.place_hold(actor=Actor.of(editor), kind="journey", target="Refunds", reason="stop")
    found = refused(record("a", journey="Returns"))
    assert "'Refunds' is on hold" in found[1, "journey"]


# Missing records


def test_what_the_file_no_longer_has_is_retired_when_asked():
    bring(record("a"), record("b"))
    assert bring(record("a")).retired == []
    report = bring(record("a"), retire_missing=True)
    assert report.retired == ["about-b"]
    assert (versions("b")[0].state, refusals(versions("b")[0])) == ("retired", {Refusal.retired})
    assert Change.objects.filter(kind="retired").count() == 1
    assert audit.verify() == []


def test_what_an_import_retired_the_next_one_brings_back():
    bring(record("a"), record("b"))
    bring(record("a"), retire_missing=True)
    assert bring(record("a"), record("b")).counts["changed"] == 1
    assert refusals(versions("b")[-1]) == {None}


def test_a_scheduled_text_is_retired_before_it_begins():
    later = (gate.clock() + timedelta(days=3)).isoformat()
    bring(record("a"), record("b"))
    bring(record("a"), record("b", body="New words of b.", effective_from=later))
    bring(record("a"), retire_missing=True)
    assert [v.state for v in versions("b")] == ["retired", "retired"]
    assert bring(record("a"), retire_missing=True).retired == []


def test_an_edited_text_is_not_retired_unless_asked():
    bring(record("a"), record("b"))
    edit("b", body="Better words of b.")
    report = bring(record("a"), retire_missing=True)
    assert (report.retired, report.kept[0][0]) == ([], ("b", "en"))
    assert bring(record("a"), retire_missing=True, overwrite=True).retired == ["about-b"]


def test_a_refused_record_is_not_missing():
    bring(record("a"), record("b"))
    report = bring(record("a"), record("b", kind="rule"), retire_missing=True, skip_bad=True)
    assert (report.retired, report.kept) == ([], [(("b", "en"), "its record was refused")])
    report = bring(record("a"), {"title": "x"}, retire_missing=True, skip_bad=True)
    assert report.kept == [(("b", "en"), "a refused record of this file might be it")]


def test_another_sources_articles_are_never_missing():
    bring(record("b"), source="other")
    assert bring(record("a"), retire_missing=True).retired == []
