"""Signing in and out: who gets in, how often a wrong password is taken, what the session keeps."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from kb import gate
from kb.actions import signing_in
from kb.models import Person
from tests import stories
from tests.web.visits import browser, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    return stories.person("ana", "editor")


def tried(client: Client, password: str, name: str = "ana", **headers: str):
    return client.post(reverse("sign_in"), {"name": name, "password": password}, **headers)


def test_whoever_isnt_signed_in_is_sent_to_sign_in_and_then_where_they_were_going(ana):
    client = Client()
    sent = client.get(reverse("holds"))
    assert sent["Location"] == f"{reverse('sign_in')}?next={reverse('holds')}"
    back = client.post(
        reverse("sign_in"), {"name": "ana", "password": stories.PASSWORD, "next": reverse("holds")}
    )
    assert back["Location"] == reverse("holds")


def test_sign_in_never_leads_to_another_site(ana):
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = Client().post(
            reverse("sign_in"), {"name": "ana", "password": stories.PASSWORD, "next": elsewhere}
        )
        assert answer["Location"] == reverse("home")


def test_a_wrong_password_is_refused_in_the_same_words_as_an_unknown_name(ana):
    wrong, unknown = tried(Client(), "no"), tried(Client(), "no", name="nobody")
    assert wrong.status_code == unknown.status_code == 422
    assert signing_in.WRONG in says(wrong)
    assert signing_in.WRONG in says(unknown)


def test_the_session_gets_a_new_key_and_the_time_by_the_services_clock(ana):
    client = Client()
    client.cookies["sessionid"] = "planted"
    before = gate.clock()
    tried(client, stories.PASSWORD)
    assert client.cookies["sessionid"].value != "planted"
    at = datetime.fromisoformat(client.session["authenticated_at"])
    assert before <= at <= gate.clock()
    assert client.session["authenticated_by"] == "password"


def test_signing_out_ends_the_session_and_needs_a_post(ana):
    client = browser(ana)
    assert client.get(reverse("sign_out")).status_code == 405
    assert client.post(reverse("sign_out"))["Location"] == reverse("sign_in")
    assert client.get(reverse("home")).status_code == 302


def test_after_ten_wrong_tries_even_the_right_password_has_to_wait(ana):
    client = Client()
    answers = [tried(client, "no") for _ in range(signing_in.MOST_FAILURES)]
    assert [one.status_code for one in answers] == [422] * 9 + [429]
    locked = tried(client, stories.PASSWORD)
    assert locked.status_code == 429
    assert "15 minutes" in says(locked)
    assert 0 < int(locked["Retry-After"]) <= signing_in.WINDOW.total_seconds()


def test_only_that_name_from_that_address_has_to_wait(ana):
    stories.person("ben", "editor")
    for _ in range(signing_in.MOST_FAILURES):
        tried(Client(), "no")
    assert tried(Client(), stories.PASSWORD, name="ben").status_code == 302
    elsewhere = tried(Client(), stories.PASSWORD, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302


def test_an_unknown_name_has_to_wait_just_the_same(ana):
    answers = [tried(Client(), "no", name="nobody").status_code for _ in range(11)]
    assert answers[-1] == 429


def test_the_window_ends_and_a_success_forgets_the_failures(ana):
    for _ in range(9):
        tried(Client(), "no")
    assert tried(Client(), stories.PASSWORD).status_code == 302
    for _ in range(9):
        assert tried(Client(), "no").status_code == 422
    assert tried(Client(), "no").status_code == 429
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_session SET expire_date = clock_timestamp() - interval '1 second'"
        )
    assert tried(Client(), "no").status_code == 422


def test_somebody_whose_access_ended_is_out_at_the_next_request(ana):
    client = browser(ana)
    Person.objects.filter(pk=ana.pk).update(is_active=False)
    assert client.get(reverse("home")).status_code == 302
    assert tried(Client(), stories.PASSWORD).status_code == 422


def test_a_person_without_a_role_is_told_so_and_sees_nothing(ana):
    ana.grants.all().delete()
    client = browser(ana)
    assert "hold no role yet" in says(client.get(reverse("home")))
    assert client.get(reverse("library")).status_code == 403


def test_the_theme_is_remembered_and_only_two_are_known(ana):
    client = browser(ana)
    client.post(reverse("appearance"), {"theme": "dark", "next": reverse("home")})
    assert 'data-theme="dark"' in client.get(reverse("home")).content.decode()
    client.post(reverse("appearance"), {"theme": '"><script>'})
    assert "data-theme" not in client.get(reverse("home")).content.decode()
