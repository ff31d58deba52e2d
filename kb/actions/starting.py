"""The first start: people who can sign in, a client with its key, and a past to look at.

Decides what an empty installation begins with. The starter's history (`kb/starter/story.yaml`) is
played by the ordinary actions, each at its own day: the owner's connection shifts the one clock
inside one transaction, so a process killed in the middle leaves nothing, and the shift is back at
zero before anything is committed. Every audit row of it carries the request id `simulated-past`,
between two rows that say so. Called by the `load_starter` command.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from django.db import connection, transaction

from kb import conf, gate
from kb.actions import clients, people, telling
from kb.actions.work import Actor, work
from kb.conf import settings
from kb.errors import Conflict
from kb.inference.encoder import Encoder
from kb.models import Article, Client, Person, Role

STARTER = Path(__file__).resolve().parent.parent / "starter"
CLIENT = "starter-bot"
SIMULATED = "simulated-past"
_ACTOR = Actor.system("starter")
_ONE_AT_A_TIME = 7404
_ROLES = {
    "editor": Role.EDITOR,
    "approver": Role.APPROVER,
    "second_approver": Role.APPROVER,
    "administrator": Role.ADMINISTRATOR,
}
_CONSONANTS, _VOWELS = "bdfghklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Started:
    """What was made. `people` have name, role and password; all is empty where it was there."""

    people: list[dict[str, str]]
    client_key: str
    question: str
    articles: int
    reason: str = ""


def start(
    *,
    content: bool,
    encoder: Encoder | None,
    keep: Callable[[Started], None],
    folder: Path = STARTER,
) -> Started:
    """Make people and a client if nobody exists, and play the story if there are no articles.

    `keep` is called with what was made just before it is committed: passwords are shown nowhere
    else, so they must be safe first. The connection must be the owner's for the story. Raises
    KbError or OSError; then nothing is kept.
    """
    story = yaml.safe_load((folder / "story.yaml").read_text(encoding="utf-8"))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        made = [] if Person.objects.exists() else _make_people(story["people"])
        key = _make_client() if made and not Client.objects.filter(name=CLIENT).exists() else ""
        count, reason = 0, ""
        if content and wants_content():
            count, reason = _play(story, folder, encoder)
        started = Started(made, key, story["first_question"], count, reason)
        if made:
            keep(started)
        return started


def wants_content() -> bool:
    """Say whether there are no articles yet."""
    return not Article.objects.exists()


def _make_people(names: Mapping[str, str]) -> list[dict[str, str]]:
    made = []
    for name, role in _ROLES.items():
        password = readable_password()
        person = people.create_person(actor=_ACTOR, name=name, roles=[role], password=password)
        person.first_name, _, person.last_name = names.get(name, "").partition(" ")
        person.save(update_fields=["first_name", "last_name"])
        made.append({"name": name, "role": Role(role).value, "password": password})
    return made


def _make_client() -> str:
    _client, key = clients.create_client(actor=_ACTOR, name=CLIENT, audience_="public")
    return key


def readable_password() -> str:
    """Return a password that can be read aloud: five groups of two syllables, 62 bits."""
    groups = (
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2))
        for _ in range(5)
    )
    return "-".join(groups)


def _play(story: Mapping[str, Any], folder: Path, encoder: Encoder | None) -> tuple[int, str]:
    """Play the story into the past; return how many articles there are, or why it wasn't."""
    missing = sorted(set(story["people"]) - set(Person.objects.values_list("username", flat=True)))
    if missing:
        return 0, f"the starter content is told by people who don't exist: {', '.join(missing)}"
    today = gate.clock().astimezone(settings().zone).date()
    mark = conf.request_id.set(SIMULATED)
    try:
        _mark("simulated_past_begins", today, story["steps"][0]["day"])
        for name in story["groups"]:
            people.create_owner_group(actor=_ACTOR, name=name)
        teller = telling.Teller(folder=folder, today=today, encoder=encoder)
        for step in story["steps"]:
            _shift(step["day"])
            teller.take(step)
        _mark("simulated_past_ends", today, 0)
    finally:
        conf.request_id.reset(mark)
    return Article.objects.count(), ""


def _mark(action: str, today: date, day: int) -> None:
    _shift(day)
    with work(actor=_ACTOR) as doing:
        doing.record(
            action,
            "starter",
            new={"loaded_on": today.isoformat(), "request_id": SIMULATED},
            why="The starter's history was written at once, with a shifted clock; it is invented.",
        )


def _shift(days: int) -> None:
    """Set the one clock to `days` from now (never ahead). Only the owner's role may."""
    if days > 0:
        raise Conflict("The starter's story can't happen in the future.")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kb_clock_shift SET shift = make_interval(days => %s)", [days])
