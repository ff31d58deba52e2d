"""An import against emergency holds on real connections: a hold never waits more than a second."""

from __future__ import annotations

import itertools

import pytest
from django.db import connection

from kb.actions import holding
from kb.actions.work import Actor
from kb.models import Article, Hold, Person, Version
from tests.kb.actions.importing_stories import bring, record, team
from tests.kb.racing import outcome, start

RECORDS = 400


@pytest.mark.slow
def test_a_hold_never_waits_more_than_a_second_for_an_import(own_database):
    team()
    names = [f"topic-{number}" for number in range(RECORDS)]
    bring(*(record(name) for name in names))
    slugs = dict(Article.objects.values_list("external_id", "slug"))
    editor = Actor.of(Person.objects.get(username="editor"))

    changed = [record(name, body=f"What we say of {name} now.") for name in names]
    importing = start(lambda: bring(*changed))
    with connection.cursor() as cursor:
        # PostgreSQL itself gives up on a lock after a second: then the hold below is a Conflict.
        cursor.execute("SET lock_timeout = '1s'")
    for name in itertools.cycle(names):
        if importing.done():
            break
        holding.place_hold(actor=editor, kind="article", target=slugs[name], reason="urgent")
    assert not isinstance(outcome(importing), Exception)
    assert Hold.objects.count() > 10, "hardly a hold met the import: the test proved nothing"
    assert Version.objects.filter(number=2, state="published").count() == RECORDS
