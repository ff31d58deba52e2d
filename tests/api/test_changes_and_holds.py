"""GET /changes for caches, and /holds for whoever must stop something now."""

from __future__ import annotations

import pytest

from kb.actions import holding
from kb.actions.work import Actor
from kb.models import AuditEvent, Hold
from tests import stories
from tests.api.conftest import BODY

pytestmark = pytest.mark.django_db


@pytest.fixture
def guard(make_bot):
    """A client that may place holds."""
    return make_bot("guard", rights=["hold"])


def test_changes_come_in_one_order_and_go_on_from_a_cursor(team, bot, refunds):
    first = bot.get("changes").json()
    assert [one["kind"] for one in first["items"]] == ["published", "in_effect"]
    item = first["items"][0]
    assert set(item) == {"cursor", "kind", "at", "article", "version"}
    assert item["article"]["slug"] == refunds.article.slug
    assert item["version"]["number"] == refunds.number
    assert bot.get("changes", {"after": first["next"]}).json() == {
        "items": [],
        "next": first["next"],
    }
    new = stories.successor(team, refunds, body=BODY.replace("five", "three"))
    stories.approve(new, team["approver"])
    later = bot.get("changes", {"after": first["next"]}).json()
    assert {one["kind"] for one in later["items"]} == {"superseded", "published", "in_effect"}
    cursors = [one["cursor"] for one in first["items"] + later["items"]]
    assert cursors == sorted(cursors)


def test_changes_page_by_page_are_the_same_changes(team, bot):
    for _ in range(4):
        stories.published(team)
    whole = bot.get("changes").json()["items"]
    found, after = [], 0
    while True:
        body = bot.get("changes", {"after": after, "limit": 3}).json()
        found += body["items"]
        if not body["items"]:
            break
        after = body["next"]
    assert found == whole


def test_changes_do_not_tell_of_what_the_client_may_not_see(team, bot, make_bot):
    inside = stories.published(team, title="Verify a caller", audience="agent")
    stories.published(team, title="Only over there", scope={"region": "uk"})
    assert inside.article.slug in make_bot("desk", audience="agent").get("changes").content.decode()
    assert inside.article.slug not in bot.get("changes").content.decode()
    eu = make_bot("eu", scope_={"region": "eu"}).get("changes").json()
    assert eu["items"] == []
    assert eu["next"] > 0


def test_a_cursor_beyond_the_last_change_is_refused(bot, refunds):
    response = bot.get("changes", {"after": 10_000})
    assert response.status_code == 422
    assert "after" in response.json()["errors"]


def test_a_hold_stops_answers_and_is_listed_until_it_is_lifted(team, guard, bot, refunds):
    body = {"kind": "article", "target": refunds.article.slug, "reason": "numbers under review"}
    response = guard.post("holds", body)
    assert response.status_code == 201
    placed = response.json()
    assert {**body, "placed_by": "client:guard"}.items() <= placed.items()
    assert bot.ask().json()["reason"] == "on_hold"
    assert guard.get("holds").json() == {"items": [placed], "next": None}
    holding.lift_hold(actor=Actor.of(team["approver"]), hold_id=placed["id"], reason="mended")
    assert guard.get("holds").json()["items"] == []


def test_a_hold_takes_a_passage_as_the_answer_named_it(guard, bot, refunds):
    passage = bot.ask().json()["passages"][0]["id"]
    body = {"kind": "passage", "target": str(passage), "reason": "wrong"}
    assert guard.post("holds", body).json()["target"] == refunds.passages.get(pk=passage).digest
    assert bot.ask().json()["decision"] == "escalate"


def test_a_hold_takes_a_version_by_slug_and_number(guard, bot, refunds):
    target = f"{refunds.article.slug}:{refunds.number}"
    body = {"kind": "version", "target": target, "reason": "wrong"}
    assert guard.post("holds", body).json()["target"] == str(refunds.pk)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target": "x", "reason": "y"}, "kind"),
        ({"kind": "bot", "target": "x", "reason": "y"}, "kind"),
        ({"kind": ["article"], "target": "x", "reason": "y"}, "kind"),
        ({"kind": "article", "reason": "y"}, "target"),
        ({"kind": "article", "target": "x"}, "reason"),
        ({"kind": "article", "target": "x", "reason": " "}, "reason"),
        ({"kind": "article", "target": "x", "reason": "y" * 2001}, "reason"),
        ({"kind": "article", "target": "x", "reason": "y", "until": "tomorrow"}, "until"),
    ],
)
def test_a_hold_that_cannot_be_placed_names_the_field(guard, body, field):
    response = guard.post("holds", body)
    assert response.status_code == 422
    assert field in response.json()["errors"]
    assert not Hold.objects.exists()


@pytest.mark.parametrize("kind", holding.TARGETS)
def test_a_hold_on_nothing_is_missing_and_leaves_no_trace(guard, kind):
    events = AuditEvent.objects.count()
    response = guard.post("holds", {"kind": kind, "target": "no-such", "reason": "y"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert AuditEvent.objects.count() == events


def test_holds_are_paged_by_cursor(team, guard):
    for _ in range(5):
        version = stories.published(team)
        guard.post("holds", {"kind": "version", "target": str(version.pk), "reason": "y"})
    found, parameters = [], {"limit": 2}
    while True:
        body = guard.get("holds", parameters).json()
        found += [one["id"] for one in body["items"]]
        if body["next"] is None:
            break
        parameters["cursor"] = body["next"]
    assert found == sorted(found)
    assert len(found) == 5
