"""The audit page: searched and paged by auditors, and its chain verified."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from kb import audit, gate
from kb.actions import audit_desk
from kb.actions.work import Actor, work
from kb.models import AuditEvent
from tests import stories

pytestmark = pytest.mark.django_db

ROLES = ("editor", "approver", "agent", "auditor", "administrator")


@pytest.fixture
def auditor():
    stories.person("auditor", "auditor")
    return browser("auditor")


def browser(name: str) -> Client:
    """A browser in which somebody signed in, by the page."""
    client = Client()
    answer = client.post(reverse("sign_in"), {"name": name, "password": stories.PASSWORD})
    assert answer.status_code == 302, answer.content
    return client


def text_of(answer) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def record(action: str, subject: str, *, by: str = "test", times: int = 1, **given) -> None:
    with work(actor=Actor.system(by)) as doing:
        for _ in range(times):
            doing.record(action, subject, **given)


def rows(answer) -> list[tuple[str, str]]:
    return [(one.row.action, one.row.subject) for one in answer.context["found"].events]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_only_auditors_read_the_audit_and_verify_it(role, method):
    stories.person(f"the {role}", role)
    answer = getattr(browser(f"the {role}"), method)("/audit/")
    assert answer.status_code == (200 if role == "auditor" else 403)
    assert ("create_person" in text_of(answer)) == (role == "auditor")


def test_nobody_reads_the_audit_without_signing_in():
    assert Client().get("/audit/").status_code == 302


def test_the_latest_row_comes_first_with_who_what_and_why(auditor):
    record("retire", "version:7", by="night", why="It was wrong")
    answer = auditor.get("/audit/")
    assert rows(answer)[0] == ("retire", "version:7")
    page = text_of(answer)
    assert "the system (night)" in page
    assert "“It was wrong”" in page


def test_old_and_new_are_readable_side_by_side(auditor):
    record(
        "propose_fact_change",
        "change_set:1",
        old={"fact": "refund.window", "value": "30 days"},
        new={"value": "14 days", "versions": 6},
    )
    page = text_of(auditor.get("/audit/"))
    assert "<dt>value</dt><dd><del>30 days</del> <ins>14 days</ins></dd>" in page
    assert "<dt>versions</dt><dd>6</dd>" in page
    assert "<dt>fact</dt><dd><del>refund.window</del></dd>" in page


def test_a_subject_that_has_a_page_leads_to_it(auditor):
    team = stories.staff()
    version = stories.published(team)
    page = text_of(auditor.get("/audit/"))
    assert f'href="{reverse("review", args=[version.pk])}"' in page
    answer = auditor.get(reverse("review", args=[version.pk]), follow=True)
    assert version.title in text_of(answer)
    for odd in ("version:x", "hold:", "answers", "article:a b"):
        record("touch", odd)
    assert auditor.get("/audit/").status_code == 200


def test_a_subject_is_found_exactly_and_by_its_beginning(auditor):
    for subject in ("version:1", "version:12", "article:refunds", "article:refusals"):
        record("touch", subject)

    def found(subject: str) -> list[str]:
        answer = auditor.get("/audit/", {"subject": subject, "action": "touch"})
        return sorted(subject for _action, subject in rows(answer))

    assert found("version:1") == ["version:1"]
    assert found("version:") == found("version") == ["version:1", "version:12"]
    assert found("article:ref*") == ["article:refunds", "article:refusals"]
    assert found("article:refund*") == ["article:refunds"]
    assert found("100%") == []


def test_an_actor_is_found_with_and_without_its_kind(auditor):
    record("touch", "version:1", by="night")
    for name in ("night", "system:night"):
        assert rows(auditor.get("/audit/", {"actor": name})) == [("touch", "version:1")]
    assert rows(auditor.get("/audit/", {"actor": "person:night"})) == []


def test_a_day_is_included_to_its_end(auditor, clock):
    record("today", "version:1")
    clock.forward(timedelta(days=3))
    record("later", "version:1")
    day = f"{gate.clock() - timedelta(days=3):%Y-%m-%d}"
    days = {"since": day, "until": day, "subject": "version:1"}
    assert rows(auditor.get("/audit/", days)) == [("today", "version:1")]
    del days["until"]
    assert rows(auditor.get("/audit/", days)) == [("later", "version:1"), ("today", "version:1")]


def test_a_day_that_isnt_one_narrows_nothing_and_says_so(auditor):
    answer = auditor.get("/audit/", {"since": "soon", "until": "9999-12-31"})
    assert answer.status_code == 200
    assert "It narrows nothing" in text_of(answer)
    assert rows(answer)


def test_pages_hold_every_row_once_while_rows_are_written(auditor):
    record("walk", "version:1", times=audit_desk.PAGE * 2 + 7)
    seen: list[int] = []
    address = "/audit/?action=walk"
    while address:
        answer = auditor.get(address)
        seen += [one.row.pk for one in answer.context["found"].events]
        record("walk", "version:1")
        further = answer.context["next"]
        address = f"/audit/?{further}" if further else ""
    expected = AuditEvent.objects.filter(action="walk", pk__lte=seen[0]).order_by("-pk")
    assert seen == list(expected.values_list("pk", flat=True))


@pytest.mark.parametrize("before", ["-1", "0", "x", "9" * 40, "1e3", "²"])
def test_a_strange_place_to_go_on_from_is_no_error(auditor, before):
    assert auditor.get("/audit/", {"before": before}).status_code == 200


@pytest.mark.parametrize("name", ["subject", "actor", "action", "since"])
@pytest.mark.parametrize("value", ["\x00", "'; --", "%", "é" * 400])
def test_strange_words_find_nothing_and_break_nothing(auditor, name, value):
    assert auditor.get("/audit/", {name: value}).status_code == 200


def test_a_whole_chain_is_said_to_hold(auditor):
    answer = auditor.post("/audit/")
    page = text_of(answer)
    assert answer.status_code == 200
    assert "The chain holds." in page
    head = audit.head()
    assert f"All {head.audit_id} row" in page
    assert head.audit_hash in page


def test_looking_at_the_audit_writes_nothing_into_it(auditor):
    before = audit.head().audit_id
    auditor.get("/audit/")
    auditor.post("/audit/")
    assert audit.head().audit_id == before


def test_the_page_takes_the_same_queries_whatever_its_length(auditor):
    few = queries(auditor)
    record("touch", "version:1", times=40)
    assert queries(auditor) == few
    assert few <= 6


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get("/audit/").status_code == 200
    return len(caught)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "nothing"), (True, "yes"), ("", "empty"), ([], "none"), ([1, "a"], "1, a"), (3, "3")],
)
def test_a_value_reads_as_a_person_would_say_it(value, words):
    [shown] = audit_desk.values_of("", audit.canonical({"name": value}))
    assert (shown.name, shown.old, shown.new) == ("name", None, words)


@given(old=st.text(max_size=60), new=st.text(max_size=60))
def test_any_stored_text_can_be_shown(old, new):
    for value in audit_desk.values_of(old, new):
        assert value.name
        assert value.old is not None or value.new is not None
