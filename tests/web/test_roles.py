"""Every address of the pages as every role: what opens, and that nothing else shows any text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from kb.actions import facts, holding
from kb.actions.work import Actor
from kb.models import Hold, Person, Version
from kb.web import urls
from tests import stories
from tests.web.visits import ROLES, browser, everybody, says

pytestmark = pytest.mark.django_db

SECRET = "Ask for the wombat code"
TEXT_READERS = {"editor", "approver", "auditor"}
WRITERS = {"editor", "approver"}
# Who may open what, by the address's name. Everybody else gets 403, or 404 where a thing is hidden.
OPEN_TO: dict[str, set[str]] = {
    "home": set(ROLES),
    "library": TEXT_READERS | {"agent"},
    "article": TEXT_READERS | {"agent"},
    "versions": TEXT_READERS,
    "numbered_version": TEXT_READERS,
    "draft": TEXT_READERS,
    "compare": TEXT_READERS,
    "new_article": WRITERS,
    "edit_draft": WRITERS,
    "withdraw": WRITERS,
    "review_queue": WRITERS,
    "review": TEXT_READERS,
    "retire": {"approver"},
    "verify": {"approver"},
    "holds": TEXT_READERS,
    "place_hold": WRITERS,
    "lift_hold": {"approver"},
    "facts": TEXT_READERS,
    "fact": TEXT_READERS,
    "change_sets": TEXT_READERS,
    "change_set": TEXT_READERS,
    "audit": {"auditor"},
    "clients": {"administrator"},
}
POSTED = {"open_draft": WRITERS}
FOR_EVERYBODY = {"sign_in", "sign_out", "appearance", "public_version", "public_article"}


@dataclass
class World:
    """One of everything."""

    people: dict[str, Person]
    published: Version
    draft: Version
    in_review: Version
    hold: Hold
    change_set: int

    def address(self, name: str) -> str:
        """Where `name` leads in this world."""
        slug = self.published.article.slug
        arguments: dict[str, list[object]] = {
            "article": [slug],
            "versions": [slug],
            "numbered_version": [slug, self.published.number],
            "draft": [self.draft.article.slug, self.draft.pk],
            "compare": [slug],
            "open_draft": [slug],
            "edit_draft": [self.draft.pk],
            "withdraw": [self.draft.pk],
            "review": [self.in_review.pk],
            "retire": [self.published.pk],
            "verify": [self.published.pk],
            "lift_hold": [self.hold.pk],
            "fact": ["refund.window"],
            "change_set": [self.change_set],
        }
        query = f"?from={self.published.pk}&to={self.published.pk}" if name == "compare" else ""
        return reverse(name, args=arguments.get(name)) + query


@pytest.fixture
def world() -> World:
    people = everybody()
    window = {"key": "refund.window", "type": "duration", "value": "30 days"}
    policy = stories.published(
        people, kind="policy", body="Within {{ fact refund.window }}.", facts=(window,)
    )
    set_ = facts.propose_fact_change(
        actor=Actor.of(people["editor"]), key="refund.window", value=14, note="new law"
    )
    hold = holding.place_hold(
        actor=Actor.of(people["editor"]),
        kind="article",
        target=policy.article.slug,
        reason="the law changed",
    )
    return World(
        people=people,
        published=stories.published(people, title="Returns", body="Send it back to us."),
        draft=stories.draft(people["editor"], title="Unfinished", body=SECRET),
        in_review=stories.submit(
            stories.draft(people["editor"], title="Waiting", body=SECRET), people["editor"]
        ),
        hold=hold,
        change_set=set_.pk,
    )


def test_every_address_is_in_this_table():
    names = {one.name for one in urls.urlpatterns if isinstance(one, URLPattern) and one.name}
    assert names == {*OPEN_TO, *POSTED, *FOR_EVERYBODY}


@pytest.mark.parametrize("role", ROLES)
def test_each_page_opens_for_its_roles_alone(world: World, role: str):
    client = browser(world.people[role])
    for name, roles in OPEN_TO.items():
        answer = client.get(world.address(name))
        expected = {200} if role in roles else {403, 404}
        assert answer.status_code in expected, (role, name, answer.status_code)


@pytest.mark.parametrize("role", sorted(set(ROLES) - TEXT_READERS))
def test_no_page_shows_a_draft_to_who_may_not_read_it(world: World, role: str):
    client = browser(world.people[role])
    for name in OPEN_TO:
        page = says(client.get(world.address(name)))
        assert SECRET not in page, (role, name)
        assert "Unfinished" not in page, (role, name)


def test_nobody_gets_in_without_signing_in(world: World):
    client = Client()
    for name in (*OPEN_TO, *POSTED):
        answer = client.get(world.address(name))
        assert answer.status_code in (302, 405), name
        assert answer.status_code == 405 or answer["Location"].startswith(reverse("sign_in"))


def deeds(world: World) -> dict[str, Callable[[Client], object]]:
    """What each role may try, past every button that it isn't shown."""
    return {
        "open a draft": lambda c: c.post(world.address("open_draft"), {"language": "en"}),
        "save": lambda c: c.post(world.address("edit_draft"), {"title": "x", "action": "save"}),
        "withdraw": lambda c: c.post(world.address("withdraw"), {"why": "x"}),
        "approve": lambda c: c.post(
            world.address("review"),
            {"digest": world.in_review.digest, "decision": "approve", "comment": ""},
        ),
        "return": lambda c: c.post(
            world.address("review"),
            {"digest": world.in_review.digest, "decision": "return", "comment": "no"},
        ),
        "retire": lambda c: c.post(world.address("retire"), {"why": "x"}),
        "verify": lambda c: c.post(world.address("verify"), {"note": "x"}),
        "hold": lambda c: c.post(
            world.address("place_hold"),
            {"kind": "article", "target": world.published.article.slug, "reason": "x"},
        ),
        "lift": lambda c: c.post(world.address("lift_hold"), {"reason": "x"}),
    }


@pytest.mark.parametrize("role", ["agent", "auditor", "administrator"])
def test_roles_that_only_look_change_nothing_whatever_they_post(world: World, role: str):
    client = browser(world.people[role])
    before = state(world)
    for deed, act in deeds(world).items():
        answer = act(client)
        assert answer.status_code in (403, 404, 409), (role, deed)  # type: ignore[attr-defined]
    assert state(world) == before


def test_an_editor_decides_nothing_whatever_they_post(world: World):
    other = stories.person("other_editor", "editor")
    client = browser(other)
    before = state(world)
    for deed in ("approve", "return", "retire", "verify", "lift"):
        answer = deeds(world)[deed](client)
        assert answer.status_code in (403, 409), deed  # type: ignore[attr-defined]
    assert state(world) == before


def state(world: World) -> tuple[object, ...]:
    """What would differ if anything had been done."""
    return (
        sorted(Version.objects.values_list("pk", "state", "edits", "verified_at")),
        sorted(Hold.objects.values_list("pk", "lifted_at")),
    )


def test_editors_of_another_group_read_but_dont_write(world: World):
    stranger = stories.person("stranger", "editor", group="Payments")
    client = browser(stranger)
    assert client.get(world.address("draft")).status_code == 200
    assert client.get(world.address("edit_draft")).status_code == 403
    answer = client.post(world.address("open_draft"), {"language": "en"})
    assert answer.status_code == 403
    assert "Write the next version" not in says(client.get(world.address("article")))
