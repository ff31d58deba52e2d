"""The first start: people, a client, and a past that says of itself that it is invented."""

from __future__ import annotations

import io
import json
import shlex
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connections

from kb import audit, gate
from kb.actions import clients, starting
from kb.gate import Caller
from kb.management.commands.load_starter import acting_as_owner
from kb.models import Article, AuditEvent, Client, Hold, Person, Version
from tests import stories

pytestmark = pytest.mark.slow


def load(folder: Path = starting.STARTER) -> starting.Started:
    with acting_as_owner():
        return starting.start(content=True, encoder=None, keep=lambda _made: None, folder=folder)


def shift() -> timedelta:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT shift FROM kb_clock_shift")
        return cursor.fetchone()[0]


@pytest.fixture
def home(settings, tmp_path) -> Path:
    settings.KB = {**django_settings.KB, "home": tmp_path}
    return tmp_path


def test_people_and_a_client_are_made_once_and_kept_private(own_database, home):
    call_command("load_starter", "--people-only", stdout=io.StringIO())
    path = home / "starter.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    roles = {person["name"]: person["role"] for person in kept["people"]}
    assert roles == {
        "editor": "editor",
        "approver": "approver",
        "second_approver": "approver",
        "administrator": "administrator",
    }
    for one in kept["people"]:
        assert Person.objects.get(username=one["name"]).check_password(one["password"])
    assert Person.objects.get(username="editor").get_full_name()
    key = clients.authenticate(kept["client_key"], gate.clock())
    assert (key.client.name, key.client.audience) == (kept["client"], "public")
    words = shlex.split(kept["curl"])
    assert json.loads(words[-1]) == {"query": kept["question"]}
    assert not Article.objects.exists()
    call_command("load_starter", "--people-only", stdout=io.StringIO())
    assert json.loads(path.read_text()) == kept


def test_what_cannot_be_kept_is_not_made(own_database, home):
    (home / "starter.json").mkdir()
    with pytest.raises(CommandError, match=r"starter\.json can't be written"):
        call_command("load_starter", "--people-only")
    assert not Person.objects.exists()
    assert not Client.objects.exists()


def test_the_story_is_played_into_the_past_and_says_so(own_database):
    made = load()
    assert made.articles == Article.objects.count() >= 38
    assert shift() == timedelta(0)
    assert audit.verify() == []
    states = set(Version.objects.values_list("state", flat=True))
    assert states == {"draft", "in_review", "returned", "published", "retired"}
    assert Hold.objects.filter(lifted_at=None).count() >= 2
    oldest = Version.objects.order_by("published_at").first().published_at
    assert oldest < gate.clock() - timedelta(days=300)
    for article in Article.objects.all():
        assert article.slug == article.external_id
    marked = AuditEvent.objects.filter(request_id=starting.SIMULATED)
    actions = list(marked.order_by("id").values_list("action", flat=True))
    assert (actions[0], actions[-1]) == ("simulated_past_begins", "simulated_past_ends")
    unmarked = AuditEvent.objects.exclude(request_id=starting.SIMULATED)
    assert set(unmarked.values_list("action", flat=True)) == {"create_person", "create_client"}
    refused = {
        one.refusal
        for one in gate.judge(
            [pk for v in Version.objects.all() for pk in v.passages.values_list("pk", flat=True)],
            caller=Caller(audience="public"),
        )[1]
    }
    assert {str(reason) for reason in refused} >= {
        "None", "out_of_audience", "not_yet_in_effect", "superseded", "retired", "expired",
        "on_hold", "review_overdue", "fact_superseded", "not_approved",
    }  # fmt: skip
    assert load().articles == 0


def test_a_story_that_breaks_off_leaves_nothing(own_database, tmp_path):
    story = (starting.STARTER / "story.yaml").read_text(encoding="utf-8")
    (tmp_path / "articles").symlink_to(starting.STARTER / "articles")
    broken = "  - {day: 0, do: submit, by: editor, article: no-such-article}\n"
    (tmp_path / "story.yaml").write_text(story.rstrip() + "\n" + broken, encoding="utf-8")
    with pytest.raises(Version.DoesNotExist):
        load(tmp_path)
    assert not Person.objects.exists()
    assert not Article.objects.exists()
    assert not AuditEvent.objects.exists()
    assert shift() == timedelta(0)
    assert (
        connections["default"].settings_dict["USER"] == django_settings.DATABASES["default"]["USER"]
    )


def test_an_installation_with_other_people_gets_no_story(own_database):
    stories.person("mira", "editor")
    made = load()
    assert (made.people, made.articles) == ([], 0)
    assert "people who don't exist: administrator, approver" in made.reason


def test_a_password_can_be_read_aloud():
    made = {starting.readable_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) == 24 and one.replace("-", "").isalpha() for one in made)
