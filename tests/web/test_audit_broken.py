"""What the audit page says of a chain that somebody with the owner's rights wrote into.

Commits are real here, so it stands apart from the tests that are rolled back.
"""

from __future__ import annotations

from django.conf import settings
from django.test import Client
from django.urls import reverse

from kb.actions.work import Actor, work
from kb.models import AuditEvent
from tests import stories
from tests.conftest import owner


def test_an_altered_row_is_named(own_database):
    stories.person("auditor", "auditor")
    with work(actor=Actor.system("test")) as doing:
        doing.record("retire", "version:7", why="It was wrong")
    row = AuditEvent.objects.get(action="retire")
    with owner(settings.DATABASES["default"]["NAME"]) as direct:
        direct.execute("ALTER TABLE kb_auditevent DISABLE TRIGGER USER")
        direct.execute("UPDATE kb_auditevent SET why = 'It was right' WHERE id = %s", [row.pk])
        direct.execute("ALTER TABLE kb_auditevent ENABLE TRIGGER USER")
    client = Client()
    client.post(reverse("sign_in"), {"name": "auditor", "password": stories.PASSWORD})
    page = " ".join(client.post("/audit/").content.decode().split())
    assert "The chain is broken: 1 fault." in page
    assert f"Row {row.pk}: altered" in page
