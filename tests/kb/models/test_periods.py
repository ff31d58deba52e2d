"""Periods in force: no overlap, no rewritten past, nothing that wasn't approved."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.actions import publishing
from kb.actions.work import Actor
from kb.models import Period, PeriodRecord, Person, Version
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused, stopped

DAY = timedelta(days=1)


def approved(team: dict[str, Person], **given: object) -> Version:
    """A published version that has no period yet."""
    version = stories.submit(stories.draft(team["editor"], **given), team["editor"])
    refusing.sign(version, team["approver"])
    refusing.publish(version)
    return version


def followed(team: dict[str, Person], first: Version, **given: object) -> Version:
    """A published successor of `first` that has no period yet and closed nobody's."""
    version = stories.successor(team, first, **given)
    refusing.sign(version, team["approver"])
    refusing.publish(version)
    return version


def approved_period(team: dict[str, Person]) -> Period:
    return Period.objects.get(version=stories.published(team))


def test_a_period_begins_with_its_publication(team):
    version = approved(team)
    refusing.put_in_force(version)
    assert Period.objects.get(version=version).starts_at == version.published_at


def test_two_versions_of_one_language_are_never_in_force_at_once(team):
    second = followed(team, stories.published(team))
    with stopped(refusing.BY_EXCLUSION):
        refusing.put_in_force(second)


def test_a_language_tag_in_other_letters_is_the_same_language(team):
    first = stories.published(team, language="pt-BR")
    second = refusing.draft(team["editor"], article_id=first.article_id, language="pt-br")
    second = stories.submit(second, team["editor"])
    refusing.sign(second, team["approver"])
    refusing.publish(second)
    with stopped(refusing.BY_EXCLUSION):
        refusing.put_in_force(second)


def test_an_end_cannot_move_over_a_scheduled_successor(team):
    first = stories.published(team)
    later = stories.successor(team, first, effective_from=gate.clock() + 3 * DAY)
    stories.approve(later, team["approver"])
    with stopped(refusing.BY_EXCLUSION):
        refusing.update("kb_period", first.period.pk, ends_at=None)


def test_an_unpublished_version_is_never_in_force(team):
    version = stories.submit(stories.draft(team["editor"]), team["editor"])
    refusing.sign(version, team["approver"])
    with refused("not_published"):
        refusing.put_in_force(version, starts_at=gate.clock())


def test_a_retired_version_is_not_put_in_force_again(team):
    version = approved(team)
    refusing.update("kb_version", version.pk, state="retired", decided_at=gate.clock())
    with refused("not_published"):
        refusing.put_in_force(version)


def test_a_period_belongs_to_its_version_s_article_and_language(team):
    version, other = approved(team), approved(team)
    for given in ({"article_id": other.article_id}, {"language": "de"}):
        with refused("identity_is_fixed"):
            refusing.put_in_force(version, **given)
    with refused("identity_is_fixed"):
        refusing.put_in_force(version, version_id=999_999)


@pytest.mark.parametrize("shift", [-DAY, -timedelta(microseconds=1), DAY])
def test_a_period_begins_neither_before_nor_after_its_publication(shift, team):
    version = approved(team)
    with refused("past_is_fixed"):
        refusing.put_in_force(version, starts_at=version.published_at + shift)


def test_a_period_is_not_added_for_the_past(team, clock):
    version = approved(team)
    clock.forward(DAY)
    with refused("past_is_fixed"):
        refusing.put_in_force(version)


def test_a_scheduled_version_does_not_begin_early(team):
    version = approved(team, effective_from=gate.clock() + 3 * DAY)
    with refused("past_is_fixed"):
        refusing.put_in_force(version, starts_at=version.published_at)


@pytest.mark.parametrize("shift", [-DAY, DAY])
def test_a_start_never_moves(shift, team):
    period = approved_period(team)
    with refused("past_is_fixed"):
        refusing.update("kb_period", period.pk, starts_at=period.starts_at + shift)


def test_a_start_that_is_still_to_come_never_moves_either(team):
    version = stories.published(team, effective_from=gate.clock() + 3 * DAY)
    with refused("past_is_fixed"):
        refusing.update("kb_period", version.period.pk, starts_at=gate.clock() + DAY)


def test_a_period_never_passes_to_another_version(team):
    period, other = approved_period(team), approved(team)
    with refused("identity_is_fixed"):
        refusing.update("kb_period", period.pk, version_id=other.pk)
    with refused("past_is_fixed"):
        refusing.update("kb_period", period.pk, version_id=other.pk, article_id=other.article_id)


@pytest.mark.parametrize("move", [timedelta(hours=-12), DAY, None])
def test_an_end_that_has_come_never_moves(move, team, clock):
    version = stories.published(team, effective_until=gate.clock() + DAY)
    period = Period.objects.get(version=version)
    clock.forward(2 * DAY)
    end = period.ends_at + move if move else None
    with refused("past_is_fixed"):
        refusing.update("kb_period", period.pk, ends_at=end)


def test_an_end_that_came_since_the_transaction_began_is_not_put_off(team, clock):
    period = approved_period(team)
    now = gate.clock()
    refusing.update("kb_period", period.pk, ends_at=now)
    with refused("past_is_fixed"):
        refusing.update("kb_period", period.pk, ends_at=now + DAY)


def test_an_end_never_moves_into_the_past(team, clock):
    period = approved_period(team)
    clock.forward(DAY)
    with refused("past_is_fixed"):
        refusing.update("kb_period", period.pk, ends_at=gate.clock() - timedelta(hours=1))


def test_an_end_that_is_to_come_may_move(team):
    version = stories.published(team, effective_until=gate.clock() + 5 * DAY)
    refusing.update("kb_period", version.period.pk, ends_at=gate.clock() + DAY)
    refusing.update("kb_period", version.period.pk, ends_at=version.effective_until)


@pytest.mark.parametrize("end", [None, DAY])
def test_a_period_never_outlasts_its_version_s_own_end(end, team):
    version = stories.published(team, effective_until=gate.clock() + 5 * DAY)
    later = version.effective_until + end if end else None
    with refused("past_is_fixed"):
        refusing.update("kb_period", version.period.pk, ends_at=later)
    fresh = approved(team, effective_until=gate.clock() + 5 * DAY)
    with refused("past_is_fixed"):
        refusing.put_in_force(fresh, ends_at=later)


def test_a_period_never_ends_before_it_begins(team):
    version = stories.published(team, effective_from=gate.clock() + 3 * DAY)
    with stopped("22000"):  # a range can't run backwards
        refusing.update("kb_period", version.period.pk, ends_at=gate.clock() + DAY)


def test_a_retired_version_is_never_revived(team):
    version = stories.published(team, effective_from=gate.clock() + 3 * DAY)
    publishing.retire_version(actor=Actor.of(team["approver"]), version_id=version.pk, why="no")
    with refused("past_is_fixed"):
        refusing.update("kb_period", version.period.pk, ends_at=None)


def test_a_version_is_not_retired_while_its_period_runs_on(team):
    """Else its facts would govern on."""
    version = stories.published(team)
    with refused("illegal_move"):
        refusing.update("kb_version", version.pk, state="retired", decided_at=gate.clock())
        refusing.sql("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_version_has_one_period_at_most(team):
    version = stories.published(team)
    with stopped(refusing.BY_UNIQUENESS):
        refusing.put_in_force(version, ends_at=version.period.starts_at)


def test_every_state_of_a_period_is_recorded(team):
    period = approved_period(team)
    end = gate.clock() + DAY
    refusing.update("kb_period", period.pk, ends_at=end)
    kept = PeriodRecord.objects.filter(period=period).order_by("pk")
    assert [row.ends_at for row in kept] == [None, end]
    assert all(row.recorded_at >= period.starts_at for row in kept)
