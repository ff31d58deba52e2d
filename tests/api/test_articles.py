"""GET /articles...: whole articles, through the gate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb import gate
from kb.actions import holding, publishing
from kb.actions.work import Actor
from tests import stories
from tests.api.conftest import BODY

pytestmark = pytest.mark.django_db


def slugs(bot, **parameters):
    return [one["slug"] for one in bot.get("articles", parameters).json()["items"]]


def test_the_library_lists_what_the_audience_includes(team, bot, make_bot, refunds):
    inside = stories.published(team, title="Verify a caller", audience="agent")
    stories.draft(team["editor"], title="Not ready")
    assert slugs(bot) == [refunds.article.slug]
    assert slugs(make_bot("desk", audience="agent")) == [refunds.article.slug, inside.article.slug]


def test_the_library_is_paged_by_cursor(team, bot):
    made = [stories.published(team).article.slug for _ in range(5)]
    found, parameters = [], {"limit": 2}
    while True:
        body = bot.get("articles", parameters).json()
        found += [one["slug"] for one in body["items"]]
        if body["next"] is None:
            break
        parameters["cursor"] = body["next"]
    assert found == made


def test_an_article_is_read_as_far_as_the_audience_goes(bot, make_bot, refunds):
    address = f"articles/{refunds.article.slug}"
    body = bot.get(address).json()
    assert body["version"]["digest"] == refunds.digest
    assert body["url"].endswith(f"/a/{refunds.article.slug}/v/{refunds.number}")
    assert "amber-heron" not in str(body)
    assert "amber-heron" in str(make_bot("desk", audience="agent").get(address).json())


def test_a_scope_that_is_not_the_callers_hides_an_article(team, make_bot):
    version = stories.published(team, scope={"region": "uk"})
    address = f"articles/{version.article.slug}"
    assert make_bot("uk", scope_={"region": "uk"}).get(address).status_code == 200
    assert make_bot("eu", scope_={"region": "eu"}).get(address).status_code == 404


def test_an_article_is_read_in_the_language_asked_for(team, bot, refunds):
    address = f"articles/{refunds.article.slug}"
    assert bot.get(address, {"language": "en-GB"}).json()["language"] == "en"
    assert bot.get(address, {"language": "de"}).status_code == 404
    only_german = stories.published(team, title="Rückgabe", language="de", body="Vierzehn Tage.")
    body = bot.get(f"articles/{only_german.article.slug}").json()
    assert (body["language"], body["languages"]) == ("de", ["de"])


def test_what_is_held_or_retired_is_missing(team, bot, refunds):
    address = f"articles/{refunds.article.slug}"
    publishing.retire_version(
        actor=Actor.of(team["approver"]), version_id=refunds.pk, why="no longer so"
    )
    for one in (address, f"{address}/versions/{refunds.number}", "articles/no-such"):
        response = bot.get(one)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    held = stories.published(team)
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind="version", target=str(held.pk), reason="wrong"
    )
    assert bot.get(f"articles/{held.article.slug}").status_code == 404
    assert slugs(bot) == []


def test_a_version_is_there_while_it_governs(team, bot, make_bot, refunds, clock):
    before = gate.clock()
    clock.forward(timedelta(days=1))
    new = stories.approve(
        stories.successor(team, refunds, body=BODY.replace("five", "three")), team["approver"]
    )
    address = f"articles/{refunds.article.slug}"
    assert "three working" in str(bot.get(f"{address}/versions/{new.number}").json())
    assert bot.get(f"{address}/versions/{refunds.number}").status_code == 404
    historian = make_bot("historian", rights=["history"])
    for old in (address, f"{address}/versions/{refunds.number}"):
        body = historian.get(old, {"as_of": before.isoformat()}).json()
        assert "five working" in str(body)
        assert body["historical"] is True
        assert body["valid_until"] == body["served_at"]


def test_the_past_needs_a_right_and_the_future_is_not_to_be_had(bot, make_bot, refunds):
    address, now = f"articles/{refunds.article.slug}", gate.clock()
    response = bot.get(address, {"as_of": now.isoformat()})
    assert (response.status_code, response.json()["code"]) == (403, "not_permitted")
    historian = make_bot("historian", rights=["history"])
    ahead = (now + timedelta(days=1)).isoformat()
    assert "as_of" in historian.get(address, {"as_of": ahead}).json()["errors"]
    assert "as_of" in historian.get("articles", {"as_of": ahead}).json()["errors"]


def test_what_has_not_changed_is_not_sent_again(team, bot, refunds):
    address = f"articles/{refunds.article.slug}"
    for one in (address, "articles"):
        first = bot.get(one)
        tag = first["ETag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = bot.get(one, **{"If-None-Match": known})
            assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert bot.get(one, **{"If-None-Match": '"other"'}).status_code == 200


def test_what_was_revoked_is_not_confirmed_by_its_tag(team, bot, refunds):
    address = f"articles/{refunds.article.slug}"
    tag = bot.get(address)["ETag"]
    holding.place_hold(
        actor=Actor.of(team["editor"]),
        kind="article",
        target=refunds.article.slug,
        reason="wrong",
    )
    assert bot.get(address, **{"If-None-Match": tag}).status_code == 404


def test_valid_until_ends_where_a_scheduled_successor_begins(team, bot, refunds):
    soon = gate.clock() + timedelta(seconds=60)
    stories.approve(stories.successor(team, refunds, effective_from=soon), team["approver"])
    body = bot.get(f"articles/{refunds.article.slug}").json()
    assert body["valid_until"] == soon.isoformat().replace("+00:00", "Z")


def test_head_is_get_without_its_body(bot, refunds):
    response = bot.send("HEAD", "articles")
    assert (response.status_code, response.content) == (200, b"")
