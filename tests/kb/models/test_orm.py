"""A Django superuser with the ORM in hand gets no further than plain SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, models, transaction
from django.db.models import ProtectedError

from kb import gate
from kb import models as kb_models
from kb.actions import holding
from kb.actions.work import Actor
from kb.models import Article, AuditEvent, Hold, Passage, Period, Person, Review, Version
from tests import stories

GOVERNED = (
    "Article", "Version", "Period", "Passage", "CarriedFact", "PinnedFact", "Review", "Fact",
    "FactRevision", "FactPeriod", "Contributor", "PeriodRecord", "Hold", "Answer", "AnswerPassage",
    "AnswerContent", "AuditEvent", "Change", "ChainHead", "Client", "Journey", "Verification",
    "ChangeSet", "ImportRun",
)  # fmt: skip


@pytest.fixture
def version(db: None) -> Version:
    """A version in force, rendered from its own fact and on hold; a superuser stands by."""
    Person.objects.create_superuser("root", password=stories.PASSWORD)
    team = stories.staff()
    made = stories.published(
        team, kind="policy", journey="Refunds", body="You have {{ fact refund.window }}.",
        facts=({"key": "refund.window", "type": "duration", "value": "30 days"},),
    )  # fmt: skip
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="version", target=str(made.pk), reason="wrong"
    )
    return made


def refuses(write: Callable[[], Any]) -> None:
    """Expect that the database (or, before it, Django) refuses."""
    with pytest.raises((DatabaseError, ProtectedError)), transaction.atomic():
        write()


@pytest.mark.parametrize("name", GOVERNED)
def test_no_queryset_deletes_what_is_governed(name: str, version):
    """Straight to the DELETE, past what Django itself protects."""
    rows: models.QuerySet[Any] = getattr(kb_models, name)._base_manager.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows._raw_delete(rows.db)


@pytest.mark.parametrize("model", [Article, Version, Period, Passage, Review, Hold, AuditEvent])
def test_no_row_is_deleted(model: type[models.Model], version):
    row = model._base_manager.first()
    assert row is not None
    refuses(row.delete)


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (Version, {"state": "draft"}),
        (Version, {"body": "Other words."}),
        (Version, {"digest": "0" * 64}),
        (Period, {"starts_at": "2020-01-01T00:00Z"}),
        (Passage, {"text": "Other words."}),
        (Review, {"digest": "0" * 64}),
        (Hold, {"reason": "none"}),
        (AuditEvent, {"actor": "nobody"}),
        (Article, {"slug": "other"}),
    ],
)
def test_neither_save_nor_update_rewrites_what_is_governed(
    model: type[models.Model], changes: dict[str, Any], version
):
    row = model._base_manager.first()
    assert row is not None
    refuses(lambda: model._base_manager.filter(pk=row.pk).update(**changes))
    for name, value in changes.items():
        setattr(row, name, value)
    refuses(row.save)
    refuses(lambda: model._base_manager.bulk_update([row], list(changes)))


def test_a_superuser_signs_nothing_by_being_one(version):
    root, editor = Person.objects.get(username="root"), Person.objects.get(username="editor")
    text = stories.submit(stories.draft(editor), editor)
    now = gate.clock()
    refuses(
        lambda: Review.objects.create(
            version=text, digest=text.digest or "", decision="approve", meaning="mine",
            reviewer=root, authenticated_by="password", authenticated_at=now, decided_at=now,
        )
    )  # fmt: skip


def test_a_superuser_lifts_nothing_by_being_one(version):
    root, now = Person.objects.get(username="root"), gate.clock()
    refuses(lambda: Hold.objects.update(lifted_by=root, lifted_at=now, lift_reason="mine"))


def test_a_version_is_not_created_published(version):
    values = Version.objects.values().get(pk=version.pk)
    refuses(lambda: Version.objects.create(**{**values, "id": None, "number": 9}))
