"""Two people pressing at once: one wins, the other hears why, and nothing is half-done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kb import gate
from kb.actions import drafting, holding, publishing, reviewing
from kb.actions.content import Content
from kb.actions.work import Actor
from kb.errors import Invalid, KbError, NotPermitted, Refused
from kb.gate import Caller
from kb.models import AuditEvent, Hold, Passage, Period, Person, Version
from policies.eligibility import Refusal
from tests import stories
from tests.kb import racing
from tests.kb.models import refusing
from tests.kb.racing import outcome, together, uncommitted, until_waiting

DAY = timedelta(days=1)
ROUNDS = 5
PUBLIC = Caller(audience="public")


@pytest.fixture
def team(own_database: str) -> dict[str, Person]:
    """The people of the stories, committed."""
    return stories.staff()


def in_review(team: dict[str, Person], **given: Any) -> Version:
    return stories.submit(stories.draft(team["editor"], **given), team["editor"])


def approval(version: Version, by: Person) -> Callable[[], Version]:
    """The press of a button: approve what is on the screen."""
    digest = version.digest or ""
    return lambda: reviewing.approve_version(
        actor=Actor.of(by), version_id=version.pk, digest=digest, signature=stories.fresh()
    )


def retirement(version: Version, by: Person) -> Callable[[], Version]:
    return lambda: publishing.retire_version(
        actor=Actor.of(by), version_id=version.pk, why="it is wrong"
    )


def lifting(hold: Hold, by: Person) -> Callable[[], Hold]:
    return lambda: holding.lift_hold(actor=Actor.of(by), hold_id=hold.pk, reason="it was right")


def code(result: Any) -> str | None:
    """The code of a refusal, None for a success; anything else is an error of the test's."""
    if isinstance(result, BaseException):
        assert isinstance(result, KbError), repr(result)
        return result.code
    return None


def refusal(version: Version) -> Refusal | None:
    _at, judged = gate.judge([version.passages.get().pk], caller=PUBLIC)
    return judged[0].refusal


def actions(version: Version) -> Counter[str]:
    """How often the audit says that each thing was done to a version."""
    rows = AuditEvent.objects.filter(subject=f"version:{version.pk}")
    return Counter(rows.values_list("action", flat=True))


def test_of_two_approvers_at_once_one_publishes_and_the_other_is_told(team):
    version = in_review(team)
    with uncommitted(approval(version, team["approver"])) as first:
        second = racing.start(approval(version, team["second_approver"]))
        until_waiting()
    assert outcome(first).state == "published"
    assert code(outcome(second)) == "illegal_move"
    assert actions(version)["publish"] == actions(version)["approve"] == 1
    assert Period.objects.filter(version=version).count() == 1


def test_of_two_approvers_of_high_risk_the_second_publishes(team):
    version = in_review(team, risk="high")
    with uncommitted(approval(version, team["approver"])) as first:
        second = racing.start(approval(version, team["second_approver"]))
        until_waiting()
    assert outcome(first).state == "in_review"
    assert outcome(second).state == "published"
    assert actions(version)["publish"] == 1


@pytest.mark.parametrize("risk", ["normal", "high"])
def test_however_two_approvals_meet_a_version_is_published_once(risk: str, team):
    expected = {"normal": {None: 1, "illegal_move": 1}, "high": {None: 2}}[risk]
    for _ in range(ROUNDS):
        version = in_review(team, risk=risk)
        results = together(
            approval(version, team["approver"]), approval(version, team["second_approver"])
        )
        assert Counter(map(code, results)) == expected
        assert actions(version)["publish"] == 1
        assert refusal(version) is None


def test_one_approver_pressing_twice_counts_once(team):
    for _ in range(ROUNDS):
        version = in_review(team, risk="high")
        results = together(*[approval(version, team["approver"])] * 2)
        assert Counter(map(code, results)) == {None: 1, "already_approved": 1}
        version.refresh_from_db()
        assert version.state == "in_review"


def test_an_approval_against_a_return_leaves_one_decision(team):
    for _ in range(ROUNDS):
        version = in_review(team)

        def give_back(version: Version = version) -> Version:
            return reviewing.return_version(
                actor=Actor.of(team["second_approver"]), version_id=version.pk,
                digest=version.digest or "", comment="more",
            )  # fmt: skip

        results = together(approval(version, team["approver"]), give_back)
        assert Counter(map(code, results)) == {None: 1, "illegal_move": 1}
        version.refresh_from_db()
        assert version.reviews.count() == 1
        assert (version.state == "published") == (code(results[0]) is None)


@pytest.mark.parametrize("first_to_lock", ["publish", "retire"])
def test_publishing_against_retiring_leaves_the_new_version_alone_in_force(first_to_lock, team):
    old = stories.published(team)
    new = stories.successor(team, old, body="New words.")
    presses = [approval(new, team["approver"]), retirement(old, team["second_approver"])]
    if first_to_lock == "retire":
        presses.reverse()
    with uncommitted(presses[0]) as first:
        second = racing.start(presses[1])
        until_waiting()
    assert [code(outcome(one)) for one in (first, second)] == [None, None]
    assert refusal(new) is None
    assert refusal(old) in (Refusal.retired, Refusal.superseded)
    ended, follows = Period.objects.get(version=old), Period.objects.get(version=new)
    assert ended.ends_at is not None
    assert ended.ends_at <= follows.starts_at


def test_retiring_what_is_being_published_waits_for_the_outcome(team):
    version = in_review(team)
    with uncommitted(approval(version, team["approver"])) as first:
        second = racing.start(retirement(version, team["second_approver"]))
        until_waiting()
    assert outcome(first).state == "published"
    assert outcome(second).state == "retired"
    assert refusal(version) == Refusal.retired


def test_however_publishing_and_retiring_meet_nothing_overlaps(team):
    for _ in range(ROUNDS):
        old = stories.published(team)
        new = stories.successor(team, old, body="New words.")
        results = together(
            approval(new, team["approver"]), retirement(old, team["second_approver"])
        )
        assert list(map(code, results)) == [None, None]
        assert refusal(new) is None
        assert refusal(old) is not None


def test_two_versions_scheduled_at_once_follow_each_other(team):
    """The later one of the article's second draft is written past the action, which refuses it."""
    for apart in (timedelta(0), DAY):
        first = stories.published(team)
        start = gate.clock() + 3 * DAY
        one = stories.successor(team, first, effective_from=start, body="One.")
        other = refusing.draft(
            team["editor"], article_id=first.article_id, effective_from=start + apart, body="Two."
        )
        other = stories.submit(other, team["editor"])
        results = together(
            approval(one, team["approver"]), approval(other, team["second_approver"])
        )
        assert list(map(code, results)) == [None, None]
        periods = {p.version_id: p for p in Period.objects.filter(article=first.article_id)}
        assert periods[first.pk].ends_at == start
        open_ended = [p for p in periods.values() if p.ends_at is None]
        assert len(open_ended) == 1
        if apart:
            assert open_ended[0].version_id == other.pk
            assert periods[one.pk].ends_at == start + apart


def test_two_drafts_opened_at_once_are_one(team):
    for _ in range(ROUNDS):
        version = stories.published(team)

        def opening(by: str, version: Version = version) -> Callable[[], Version]:
            return lambda: drafting.open_draft(
                actor=Actor.of(team[by]), article_id=version.article_id
            )

        results = together(opening("editor"), opening("approver"))
        assert results[0] == results[1]
        drafts = Version.objects.filter(article=version.article_id, state="draft")
        assert drafts.count() == 1


def test_two_articles_of_one_title_at_once_get_addresses_of_their_own_or_a_clear_conflict(team):
    results = together(*[lambda: stories.draft(team["editor"], title="The same title")] * 2)
    made = [result for result in results if isinstance(result, Version)]
    assert len({version.article.slug for version in made}) == len(made) >= 1
    assert {code(result) for result in results} <= {None, "conflict"}


def test_two_saves_of_one_draft_keep_the_first_and_lose_nothing_silently(team):
    version = stories.draft(team["editor"])

    def saving(by: str, title: str) -> Callable[[], Version]:
        content = Content(**{**drafting.content_of(version).__dict__, "title": title})
        return lambda: drafting.save_draft(
            actor=Actor.of(team[by]), version_id=version.pk, edits=0, content=content
        )

    results = together(saving("editor", "One"), saving("approver", "Other"))
    assert Counter(map(code, results)) == {None: 1, "edited_meanwhile": 1}
    version.refresh_from_db()
    assert version.title == ("One" if code(results[0]) is None else "Other")


def test_a_save_that_was_first_is_part_of_what_is_submitted_and_its_writer_no_approver(team):
    version = stories.draft(team["editor"])
    content = Content(**{**drafting.content_of(version).__dict__, "title": "By the approver"})

    def save() -> Version:
        return drafting.save_draft(
            actor=Actor.of(team["approver"]), version_id=version.pk, edits=0, content=content
        )

    with uncommitted(save):
        submitted = racing.start(lambda: stories.submit(version, team["editor"]))
        until_waiting()
    version = outcome(submitted)
    assert version.title == "By the approver"
    with pytest.raises(NotPermitted):
        stories.approve(version, team["approver"])


def test_versions_submitted_at_once_get_numbers_of_their_own(team):
    first = stories.published(team)
    drafts = [
        refusing.draft(team["editor"], article_id=first.article_id, language=language)
        for language in ("de", "fr", "it")
    ]
    results = together(*[lambda one=one: stories.submit(one, team["editor"]) for one in drafts])
    assert sorted(version.number for version in results) == [2, 3, 4]


def test_a_passage_that_was_first_is_part_of_what_is_digested(team):
    version = stories.draft(team["editor"])
    with uncommitted(lambda: refusing.passage(version.pk)):
        submitted = racing.start(lambda: stories.submit(version, team["editor"]))
        until_waiting()
    version = outcome(submitted)
    assert version.passages.count() == 2
    signed = refusing.sql("SELECT kb_version_digest(v) FROM kb_version v WHERE id = %s", version.pk)
    assert version.digest == signed[0][0]


def test_a_passage_that_comes_second_is_refused(team):
    version = stories.draft(team["editor"])
    with uncommitted(lambda: stories.submit(version, team["editor"])):
        late = racing.start(lambda: refusing.passage(version.pk))
        until_waiting()
    assert "content_is_fixed" in str(outcome(late))
    assert version.passages.count() == 1


def test_a_passage_for_a_version_that_is_not_committed_yet_is_refused(team):
    """Else it could come after that version's digest."""
    with uncommitted(lambda: stories.draft(team["editor"])) as first:
        pk = Version.objects.count() + 1
        with refusing.stopped(refusing.BY_REFERENCE):
            refusing.passage(pk)
    assert outcome(first).pk == pk
    assert not Passage.objects.exists()


def test_of_two_lifts_at_once_one_lifts(team):
    for _ in range(ROUNDS):
        version = stories.published(team)
        hold = holding.place_hold(
            actor=Actor.of(team["editor"]), kind="version", target=str(version.pk), reason="wrong"
        )
        results = together(lifting(hold, team["approver"]), lifting(hold, team["second_approver"]))
        refused = [result for result in results if isinstance(result, BaseException)]
        assert len(refused) == 1
        assert isinstance(refused[0], Invalid | Refused)
        assert "already" in str(refused[0])
        assert refusal(version) is None
