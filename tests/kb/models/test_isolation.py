"""What is governed is written in READ COMMITTED only: an older snapshot would hide what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from kb import gate
from kb.actions import holding
from kb.actions.work import Actor
from kb.models import FactRevision, Person, Version
from tests import stories
from tests.kb.models import refusing
from tests.kb.models.refusing import refused

WINDOW = {"key": "refund.window", "type": "duration", "value": "30 days"}


@pytest.fixture
def team(own_database: str) -> Iterator[dict[str, Person]]:
    """The people of the stories, committed; the session goes back to its usual isolation."""
    yield stories.staff()
    connection.close()


def approved(team: dict[str, Person], **given: Any) -> Version:
    version = stories.submit(stories.draft(team["editor"], **given), team["editor"])
    with transaction.atomic():
        refusing.sign(version, team["approver"])
    return version


def submission(team: dict[str, Person]) -> Callable[[], Any]:
    row = stories.draft(team["editor"]).pk
    return lambda: refusing.update("kb_version", row, state="in_review", submitted_at=gate.clock())


def approval(team: dict[str, Person]) -> Callable[[], Any]:
    version = stories.submit(stories.draft(team["editor"]), team["editor"])
    return lambda: refusing.sign(version, team["approver"])


def publication(team: dict[str, Person]) -> Callable[[], Any]:
    version = approved(team)
    return lambda: refusing.publish(version)


def end(team: dict[str, Person]) -> Callable[[], Any]:
    row = stories.published(team).period.pk
    return lambda: refusing.update("kb_period", row, ends_at=gate.clock())


def revision(team: dict[str, Person]) -> Callable[[], Any]:
    stories.published(team, kind="policy", facts=(WINDOW,))
    values = FactRevision.objects.values().get()
    del values["id"]
    return lambda: FactRevision.objects.create(**{**values, "value": "31"})


def hold(team: dict[str, Person]) -> Callable[[], Any]:
    version = stories.published(team)
    return lambda: refusing.insert(
        "kb_hold", version_id=version.pk, reason="wrong", placed_by="x", placed_at=gate.clock(),
        lift_reason="",
    )  # fmt: skip


def lift(team: dict[str, Person]) -> Callable[[], Any]:
    version = stories.published(team)
    row = holding.place_hold(
        actor=Actor.of(team["editor"]), kind="version", target=str(version.pk), reason="wrong"
    )
    return lambda: refusing.update(
        "kb_hold", row.pk, lifted_at=gate.clock(), lifted_by_id=team["approver"].pk,
        lift_reason="right",
    )  # fmt: skip


def ledger(team: dict[str, Person]) -> Callable[[], Any]:
    client, _key = stories.client()
    return lambda: refusing.answer(client.pk)


WRITES = (submission, approval, publication, end, revision, hold, lift, ledger)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_no_rule_is_asked_under_an_older_snapshot(level: str, team):
    writes = [prepare(team) for prepare in WRITES]
    refusing.sql(f"SET default_transaction_isolation = '{level}'")
    for write in writes:
        with refused("isolation_level"):
            write()


def test_what_an_answer_rests_on_is_not_judged_by_an_older_snapshot(team):
    version, (client, _key) = stories.published(team), stories.client()
    with transaction.atomic():
        answered = refusing.answer(client.pk)
        refusing.rest_on(answered, version)
    refusing.sql("SET default_transaction_isolation = 'REPEATABLE READ'")
    with refused("isolation_level"):
        refusing.rest_on(answered, version, rank=2)
