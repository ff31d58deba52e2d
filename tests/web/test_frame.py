"""What all pages have in common: errors that help, a strict policy, the administration's limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

import kb
from kb.models import AuditEvent, Person
from tests import stories
from tests.web.visits import browser, everybody, says

pytestmark = pytest.mark.django_db

TEMPLATES = Path(kb.__file__).parent / "templates"


def test_an_unknown_address_says_so_with_a_reference():
    answer = Client().get("/nothing/here/", headers={"X-Request-Id": "reference-1234"})
    assert answer.status_code == 404
    assert "There is no such page" in says(answer)
    assert "reference-1234" in says(answer)


def test_what_breaks_is_a_page_with_a_reference_and_shows_nothing_inside(monkeypatch):
    def broken(*_given: object, **_named: object) -> None:
        raise RuntimeError("a secret of ours")

    person = stories.person("ana", "editor")
    client = browser(person)
    client.raise_request_exception = False
    monkeypatch.setattr("kb.web.home.catalogue.governing_count", broken)
    answer = client.get(reverse("home"), headers={"X-Request-Id": "reference-1234"})
    assert answer.status_code == 500
    assert "Something broke on our side" in says(answer)
    assert "reference-1234" in says(answer)
    assert "a secret of ours" not in answer.content.decode()


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do():
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("sign_in"), {"name": "ana", "password": "x"})
    assert answer.status_code == 403
    assert "too old to be trusted" in says(answer)


def test_pages_are_never_kept_by_shared_caches_and_carry_the_strict_policy():
    client = browser(stories.person("ana", "editor"))
    answer = client.get(reverse("home"))
    assert "private" in answer["Cache-Control"]
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"


def test_no_template_has_anything_that_the_policy_would_block():
    for path in TEMPLATES.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)", html), path


def test_every_field_has_a_label_and_every_error_a_link_to_its_field():
    client = browser(stories.staff()["editor"])
    html = client.get(reverse("new_article")).content.decode()
    fields = set(re.findall(r'<(?:input|select|textarea)[^>]*\bid="([^"]+)"', html))
    hidden = set(re.findall(r'<input type="hidden"[^>]*\bid="([^"]+)"', html))
    labelled = set(re.findall(r'<label[^>]*\bfor="([^"]+)"', html))
    assert fields - hidden <= labelled


def test_the_administration_is_entered_by_the_one_sign_in():
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("sign_in"))


def test_an_administrator_looks_but_sees_no_text_and_changes_only_people():
    people = everybody()
    version = stories.published(people, title="Wombat code")
    client = browser(people["administrator"])
    assert client.get("/admin/").status_code == 200
    for part in ("person", "client", "ownergroup", "journey", "article", "importrun"):
        assert client.get(f"/admin/kb/{part}/").status_code == 200, part
    for part in ("version", "hold", "auditevent"):
        assert client.get(f"/admin/kb/{part}/").status_code == 403, part
    for verb in ("add/", f"{version.article_id}/delete/"):
        assert client.get(f"/admin/kb/article/{verb}").status_code == 403, verb
    page = client.get(f"/admin/kb/article/{version.article_id}/change/")
    assert page.status_code == 200
    assert "Save" not in says(page)


def test_an_administrator_ends_an_access_and_gives_no_rights_by_the_way():
    people = everybody()
    client = browser(people["administrator"])
    target = people["editor"]
    page = client.get(f"/admin/kb/person/{target.pk}/change/")
    assert "editor" in says(page)
    client.post(
        f"/admin/kb/person/{target.pk}/change/",
        {
            "username": "taken_over",
            "first_name": "Ana",
            "last_name": "Ruiz",
            "email": "",
            "is_staff": "on",
            "is_superuser": "on",
            "grants-TOTAL_FORMS": "1",
            "grants-INITIAL_FORMS": "0",
            "grants-0-role": "approver",
        },
    )
    target = Person.objects.get(pk=target.pk)
    assert (target.username, target.get_full_name()) == ("editor", "Ana Ruiz")
    assert not target.is_active
    assert not target.is_staff
    assert not target.is_superuser
    assert list(target.grants.values_list("role", flat=True)) == ["editor"]


def test_a_superuser_of_django_gets_no_text_by_that():
    root = Person.objects.create_superuser("root", password=stories.PASSWORD)
    client = browser(root)
    assert client.get("/admin/kb/version/").status_code == 403
    assert client.get(reverse("library")).status_code == 403


def test_an_auditor_who_administers_sees_audit_rows_there_too():
    both = stories.person("both", "auditor", "administrator")
    assert AuditEvent.objects.exists()
    assert browser(both).get("/admin/kb/auditevent/").status_code == 200
