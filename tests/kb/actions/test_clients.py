"""Clients: how often they may ask."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from kb.actions import clients
from kb.errors import Invalid, TooMany
from kb.models import RateBucket
from tests import stories

pytestmark = pytest.mark.django_db


def spends(client) -> bool:
    try:
        clients.spend(client)
    except TooMany:
        return False
    return True


def pass_time(by: timedelta) -> None:
    """Let the bucket fill as if it had been touched earlier."""
    RateBucket.objects.update(filled_at=F("filled_at") - by)


def test_a_client_that_asks_too_often_still_gets_its_rate():
    """A refused request takes nothing: asking twice as often gives every second one."""
    client, _key = stories.client(rate_per_s=0.01)
    assert spends(client)
    outcomes = []
    for _ in range(6):
        pass_time(timedelta(seconds=51))
        outcomes.append(spends(client))
    assert outcomes == [False, True] * 3


def test_a_name_is_given_once():
    stories.client("bot")
    with pytest.raises(Invalid):
        stories.client("bot")
