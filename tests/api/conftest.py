"""Clients that ask over HTTP, and an article to ask about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from kb.models import Person, Version
from tests import stories

BODY = """## How long a refund takes

A refund reaches your card within five working days after the parcel arrives at our warehouse.

## How we check it {audience=agent}

Look the parcel up in the returns ledger; release the refund with code amber-heron.
"""
ASKED = "how long does a refund take to reach my card"


class Bot:
    """A client of the service with its key."""

    def __init__(self, name: str, **given: Any) -> None:
        self.client, self.key = stories.client(name, **given)
        self._browser = Browser(raise_request_exception=False)

    def get(self, address: str, data: Any = None, **headers: str) -> Any:
        """GET under /api/v1/."""
        return self.send("GET", address, query_params=data, headers=headers)

    def post(self, address: str, body: Any, **headers: str) -> Any:
        """POST `body` as JSON under /api/v1/."""
        return self.send(
            "POST", address, data=body, content_type="application/json", headers=headers
        )

    def ask(self, query: str = ASKED, **given: Any) -> Any:
        """POST /answers."""
        return self.post("answers", {"query": query, **given})

    def send(self, method: str, address: str, **given: Any) -> Any:
        """Send anything under /api/v1/, with the key."""
        headers = {"Authorization": f"Bearer {self.key}", **given.pop("headers", {})}
        send = getattr(self._browser, method.lower())
        return send(f"/api/v1/{address}", headers=headers, **given)


@pytest.fixture
def team() -> dict[str, Person]:
    """An editor and two approvers."""
    return stories.staff()


@pytest.fixture
def refunds(team: dict[str, Person]) -> Version:
    """A published public article with a section for agents."""
    return stories.published(team, title="When does my refund arrive", body=BODY)


@pytest.fixture
def make_bot(db: None) -> Callable[..., Bot]:
    """Make a client: `make_bot("desk", audience="agent", rights=["recall"])`."""
    return Bot


@pytest.fixture
def bot(make_bot: Callable[..., Bot]) -> Bot:
    """A public bot without rights."""
    return make_bot("bot")
