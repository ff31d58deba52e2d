"""create_person: who is made, and how the password gets there."""

from __future__ import annotations

import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from kb.models import AuditEvent, Person, RoleGrant

pytestmark = pytest.mark.django_db


def run(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_person", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_password_is_made_and_printed_once_alone():
    out, err = run("mira", "--role", "editor")
    password = out.removesuffix("\n")
    assert Person.objects.get(username="mira").check_password(password)
    assert password not in err
    assert not any(password in str(row) for row in AuditEvent.objects.values_list())


def test_roles_hold_for_the_group_that_is_named():
    run("mira", "--role", "editor", "approver", "--group", "Customer policy")
    grants = RoleGrant.objects.filter(person__username="mira")
    assert {(one.role, one.group.name) for one in grants} == {
        ("editor", "Customer policy"),
        ("approver", "Customer policy"),
    }


def test_a_password_comes_from_standard_input_and_is_not_repeated(monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO("a long enough password\n"))
    out, err = run("mira", "--role", "auditor", "--password-stdin")
    assert out == ""
    assert "a long enough password" not in err
    assert Person.objects.get(username="mira").check_password("a long enough password")


def test_asking_needs_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO(""))
    with pytest.raises(CommandError, match="--password-stdin"):
        run("mira", "--role", "auditor", "--ask-password")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["mira"], "role"),
        (["mira", "--role", "king"], "king"),
        ([" ", "--role", "editor"], "name"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(words, named):
    with pytest.raises(CommandError, match=named):
        run(*words)
    assert not Person.objects.exists()


def test_a_weak_password_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO("short\n"))
    with pytest.raises(CommandError, match="password"):
        run("mira", "--role", "editor", "--password-stdin")


def test_a_name_is_taken_once():
    run("mira", "--role", "editor")
    with pytest.raises(CommandError, match="exists already"):
        run("mira", "--role", "editor")


def test_an_unknown_role_is_named_as_it_was_written():
    with pytest.raises(CommandError, match=r"^role: king: choose from editor"):
        run("mira", "--role", "king")
