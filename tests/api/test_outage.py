"""With the database gone nothing is answered: 503, in the one shape, from the first query on."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from tests import stories
from tests.api.conftest import BODY, Bot


@pytest.fixture
def outage(own_database, monkeypatch):
    """Call it, and the database can't be reached any more."""

    def begin() -> None:
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "HOST", "/no/such/folder")

    return begin


def assert_unavailable(response):
    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Retry-After"]) >= 1
    assert json.loads(response.content)["code"] == "unavailable"


def test_a_database_that_is_gone_is_503_and_never_an_old_answer(outage):
    stories.published(stories.staff(), title="When does my refund arrive", body=BODY)
    bot = Bot("bot", rights=["recall", "hold"])
    assert bot.ask(**{}).json()["decision"] == "answer"
    assert bot.post("answers", {"query": "how long"}, **{"Idempotency-Key": "k"}).status_code == 200
    outage()
    assert_unavailable(bot.ask())
    assert_unavailable(bot.post("answers", {"query": "how long"}, **{"Idempotency-Key": "k"}))
    for address in ("articles", "articles/x", "changes", "holds", "answers?article=x"):
        assert_unavailable(bot.get(address))


def test_readiness_says_so_and_liveness_goes_on(outage, client):
    assert client.get("/health/ready").status_code == 200
    outage()
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["database"]["state"] == "unreachable"
    assert client.get("/health/live").status_code == 200
    assert b"touchstone_database_up 0.0" in client.get("/metrics").content
