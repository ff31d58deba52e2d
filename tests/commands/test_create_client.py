"""create_client, issue_key and revoke_keys: what is printed, what is bound, what is refused."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from kb import gate
from kb.actions import clients
from kb.errors import Unauthenticated
from kb.models import AuditEvent, Client, ClientKey

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def owner_of(key: str) -> Client:
    return clients.authenticate(key, gate.clock()).client


def test_the_key_is_printed_alone_and_works():
    printed = run("create_client", "bot", "--audience", "public")
    key = printed.removesuffix("\n")
    assert printed == f"{key}\n"
    assert owner_of(key).name == "bot"


def test_only_a_hash_of_the_key_is_kept():
    key = run("create_client", "bot", "--audience", "public").strip()
    kept = [str(value) for row in ClientKey.objects.values_list() for value in row]
    audited = [str(value) for row in AuditEvent.objects.values_list() for value in row]
    assert not any(key in value for value in kept + audited)


def test_everything_given_is_bound_to_the_key():
    key = run(
        *("create_client", "desk", "--audience", "agent", "--channel", "phone"),
        *("--scope", "region=EU", "segment=business", "--right", "recall", "hold"),
        *("--right", "history", "--rate", "2.5/s", "--purpose", "test"),
        *("--expires-at", "2999-01-01T00:00:00Z"),
    ).strip()
    client = owner_of(key)
    assert (client.audience, client.channel, client.purpose) == ("agent", "phone", "test")
    assert client.scope == {"region": "eu", "segment": "business"}
    assert client.rights == ["recall", "hold", "history"]
    assert client.rate_per_s == 2.5
    assert client.keys.get().expires_at.year == 2999


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--audience", "everybody"], "everybody"),
        (["--audience", "public", "--scope", "region"], "--scope"),
        (["--audience", "public", "--scope", "region=eu", "region=uk"], "region"),
        (["--audience", "public", "--right", "fly"], "fly"),
        (["--audience", "public", "--rate", "many"], "--rate"),
        (["--audience", "public", "--rate", "0/s"], "rate"),
        (["--audience", "public", "--rate", "5/min"], "--rate"),
        (["--audience", "public", "--purpose", "fun"], "fun"),
        (["--audience", "public", "--expires-at", "tomorrow"], "--expires-at"),
        (["--audience", "public", "--expires-at", "2999-01-01"], "--expires-at"),
        ([], "--audience"),
    ],
)
def test_a_word_that_cannot_be_used_is_refused_by_its_name(words, named):
    with pytest.raises(CommandError, match=named):
        run("create_client", "bot", *words)
    assert not Client.objects.exists()


def test_a_name_is_taken_once():
    run("create_client", "bot", "--audience", "public")
    with pytest.raises(CommandError, match="exists already"):
        run("create_client", "bot", "--audience", "public")


def test_a_further_key_leaves_the_first_valid_until_both_are_revoked():
    first = run("create_client", "bot", "--audience", "public").strip()
    second = run("issue_key", "bot").strip()
    assert owner_of(first) == owner_of(second)
    assert "2 key(s)" in run("revoke_keys", "bot", "--why", "leaked")
    for key in (first, second):
        with pytest.raises(Unauthenticated):
            owner_of(key)
    with pytest.raises(CommandError, match="nothing was revoked"):
        run("revoke_keys", "bot", "--why", "leaked")


def test_a_client_that_is_not_there_has_no_keys():
    with pytest.raises(CommandError, match="no client called"):
        run("issue_key", "nobody")
    with pytest.raises(CommandError, match="nothing was revoked"):
        run("revoke_keys", "nobody", "--why", "leaked")


def test_a_refused_audience_and_scope_are_named_once_each():
    with pytest.raises(CommandError, match=r"^audience: 'nobody' isn't an audience"):
        run("create_client", "bot", "--audience", "nobody")
