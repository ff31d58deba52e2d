"""The fence: whoever revokes at T can be sure that no answer served at or after T cites it.

Several processes ask without pause while holds come and go thousands of times. Nothing is slowed
down or waited for: every interleaving that the machine produces is checked afterwards, in the
ledger, against the holds' own instants.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from kb.actions import holding
from kb.actions.work import Actor
from tests import stories

ROUNDS = 2000
ASKERS = 3

ASK = """
import django, sys
django.setup()
from django.conf import settings
from django.db import connections
for alias in ("default", "owner"):
    connections[alias].settings_dict["NAME"] = settings.DATABASES[alias]["NAME"] = sys.argv[1]
from kb.actions.answering import Question, answer
from kb.models import Client
client = Client.objects.get(name="bot")
print("ready", flush=True)
while True:
    answer(client=client, key=None, question=Question(query="how long does my refund take"))
"""

# An answer that cites an article while a hold on it stood: served at or after the hold was placed
# and before it was lifted. The promise is that there is none.
BROKEN = """
SELECT count(*) FROM kb_answerpassage p JOIN kb_hold h ON h.article_id = p.article_id
WHERE p.served_at >= h.placed_at AND (h.lifted_at IS NULL OR p.served_at < h.lifted_at)
"""


def count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])  # type: ignore[index]


@pytest.mark.slow
def test_no_answer_cites_what_was_revoked_before_it_was_served(own_database: str, tmp_path: Any):
    team = stories.staff()
    version = stories.published(
        team,
        title="How long does my refund take",
        body="## Refunds\n\nYour refund takes five working days to reach your card.",
    )
    stories.client("bot")
    askers = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, own_database],
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
        )
        for _ in range(ASKERS)
    ]
    try:
        for asker in askers:
            assert asker.stdout is not None
            assert asker.stdout.readline() == b"ready\n"
        editor, approver = Actor.of(team["editor"]), Actor.of(team["approver"])
        for _ in range(ROUNDS):
            hold = holding.place_hold(
                actor=editor, kind="article", target=version.article.slug, reason="checking"
            )
            holding.lift_hold(actor=approver, hold_id=hold.pk, reason="checked")
        assert all(asker.poll() is None for asker in askers), "an asker died"
    finally:
        for asker in askers:
            asker.kill()
            asker.communicate()
    held = count("SELECT count(*) FROM kb_answer WHERE reason = 'on_hold'")
    answered = count("SELECT count(*) FROM kb_answerpassage")
    assert held > 0, "no question met a hold: the test proved nothing"
    assert answered > 0, "no question was answered: the test proved nothing"
    assert count(BROKEN) == 0
    print(f"{ROUNDS} revocations, {answered} citations, {held} questions met a hold")
