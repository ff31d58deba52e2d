"""Browsers in which somebody signed in, and what their pages say."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client
from django.urls import reverse

from kb.models import Person
from tests import stories

ROLES = ("editor", "approver", "agent", "auditor", "administrator")


def browser(person: Person | str) -> Client:
    """A browser in which the person signed in by the page."""
    client = Client()
    name = person if isinstance(person, str) else person.get_username()
    answer = client.post(reverse("sign_in"), {"name": name, "password": stories.PASSWORD})
    assert answer.status_code == 302, answer.content
    return client


def everybody() -> dict[str, Person]:
    """One person a role, and the owner group they work for."""
    people = stories.staff()
    for role in ("agent", "auditor", "administrator"):
        people[role] = stories.person(role, role)
    return people


def says(answer: Any) -> str:
    """The words of a page, without markup, on one line."""
    text = re.sub(r"<[^>]*>", " ", answer.content.decode())
    return " ".join(unescape(text).split())


def written(**given: Any) -> dict[str, Any]:
    """What the editor's form posts; override what the test is about."""
    return {
        "title": "Where is my parcel",
        "body": "## When it comes\n\nParcels arrive within five working days.",
        "kind": "resolution",
        "risk": "normal",
        "audience": "public",
        "scope": "",
        "effective_from": "",
        "effective_until": "",
        "change_note": "",
        "edits": "0",
        "facts-TOTAL_FORMS": "0",
        "facts-INITIAL_FORMS": "0",
        "action": "save",
        **given,
    }


def written_article(**given: Any) -> dict[str, Any]:
    """What the form of a new article posts."""
    article = {
        "owner_group": stories.GROUP,
        "journey": "Delivery",
        "language": "en",
        "review_every_days": "",
    }
    return written(**{**article, **given})
