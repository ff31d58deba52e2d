"""The main story, through the doors alone: pages for people, the API for bots."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from kb import gate
from kb.models import Article, Version
from tests import stories
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

TITLE = "When does my refund arrive"
BODY = """## How long it takes

A refund reaches your card within five working days after your parcel arrives at our warehouse.
"""
ASKED = "how long does a refund take to reach my card"


class Bot:
    """A client of the API."""

    def __init__(self, name: str, **bound: Any) -> None:
        _client, key = stories.client(name, **bound)
        self._client = Client(headers={"Authorization": f"Bearer {key}"})

    def ask(self, query: str = ASKED, **given: Any) -> dict[str, Any]:
        """POST /answers."""
        response = self._client.post(
            "/api/v1/answers", {"query": query, **given}, content_type="application/json"
        )
        assert response.status_code == 200, response.content
        return response.json()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET an address of the API."""
        response = self._client.get(f"/api/v1/{path}", query)
        assert response.status_code == 200, response.content
        return response.json()


@pytest.fixture
def team():
    made = stories.staff()
    made["author"] = stories.person("author", "editor", "approver")
    return made


def visit(name: str) -> Visitor:
    return Visitor(name, stories.PASSWORD)


def write(author: Visitor, **given: str) -> Version:
    """Write an article in the browser and send it to review."""
    author.open("/new-article/")
    author.fill(owner_group=stories.GROUP, audience="public", **given)
    author.press("Save and send to review")
    return Version.objects.latest("pk")


def test_from_a_draft_to_a_recall(team):
    author, approver = visit("author"), visit("approver")
    bot, auditor = Bot("webchat"), Bot("audit", audience="internal", rights=["recall"])
    assert bot.ask()["decision"] == "abstain"

    version = write(author, title=TITLE, body=BODY, kind="resolution")
    assert version.state == "in_review"
    assert bot.ask()["decision"] == "abstain"

    # The author sees no button to approve their own text, and the server refuses all the same.
    author.open(f"/review/{version.pk}/")
    assert not author.offers("Sign and approve")
    author.client.post(
        f"/review/{version.pk}/", {"decision": "approve", "digest": version.digest, "comment": ""}
    )
    version.refresh_from_db()
    assert version.state == "in_review"

    approver.open(f"/review/{version.pk}/")
    approver.press("Sign and approve")
    version.refresh_from_db()
    assert version.state == "published"

    told = bot.ask(conversation="chat-7", customer="customer-1")
    assert (told["decision"], told["reason"]) == ("answer", "grounded")
    assert "five working days" in told["quotes"][0]["text"]
    assert told["passages"][0]["version"]["approved_by"] == ["approver"]

    # A new version supersedes: the old citation says so, its page shows no text any more.
    author.open(f"/library/{version.article.slug}/")
    author.press("Write the next version")
    author.fill(body=BODY.replace("five", "three"))
    author.press("Save and send to review")
    second = Version.objects.latest("pk")
    approver.open(f"/review/{second.pk}/")
    approver.press("Sign and approve")
    [cited] = bot.get(f"answers/{told['id']}")["passages"]
    assert cited["status"] == "superseded"
    assert cited["replaced_by"].endswith("/v/2")
    old_page = Client().get(f"/a/{version.article.slug}/v/1").content.decode()
    assert "five working days" not in old_page
    assert "no longer in force" in old_page.lower()
    assert "three working days" in bot.ask()["quotes"][0]["text"]

    # A hold hands over at once.
    author.open(f"/holds/new/?kind=article&target={version.article.slug}")
    author.fill(reason="The bank changed its cut-off times")
    author.press("Hold it now")
    held = bot.ask()
    assert (held["decision"], held["reason"]) == ("escalate", "on_hold")
    assert held["handoff"]["required"] is True

    # Recall lists who was told what.
    [recalled] = auditor.get("answers", version=str(version.pk))["items"]
    assert recalled["id"] == told["id"]
    assert recalled["client"] == "webchat"
    assert recalled["conversation"] == "chat-7"


def test_a_fact_changed_once_is_followed_everywhere_at_one_instant(team):
    window = {"key": "refund.window", "type": "duration", "value": 30, "unit": "days"}
    stories.published(
        team,
        kind="policy",
        title="Refund policy",
        body="Refunds are made within {{ fact refund.window }} of delivery.",
        facts=(window,),
    )
    topics = ["kettle", "lamp", "mattress", "curtain", "toaster"]
    for topic in topics:
        stories.published(
            team,
            title=f"Returning a {topic}",
            body=f"Send your {topic} back within {{{{ fact refund.window }}}} and it is refunded.",
        )
    bot = Bot("webchat")
    asked = {topic: f"until when can I send back a {topic}" for topic in topics}
    for topic, question in asked.items():
        assert f"{topic} back within 30 days" in bot.ask(question)["quotes"][0]["text"]

    editor, approver = visit("editor"), visit("approver")
    editor.open("/facts/refund.window/")
    editor.follow("Propose another value")
    editor.fill(value="14", note="The board decided in May")
    editor.press("Propose the change")
    assert all("30 days" in bot.ask(one)["quotes"][0]["text"] for one in asked.values())

    approver.open("/review/")
    [change_set] = {one.change_set for one in Version.objects.exclude(change_set=None)}
    approver.open(f"/change-sets/{change_set.pk}/")
    approver.press("Sign all 6")
    for topic, question in asked.items():
        reply = bot.ask(question)
        assert f"{topic} back within 14 days" in reply["quotes"][0]["text"]
        assert reply["passages"][0]["facts"][0]["display"] == "14 days"
    starts = {one.period.starts_at for one in change_set.versions.all()}
    assert len(starts) == 1
    assert gate.clock() > starts.pop()
    assert Article.objects.count() == 6
