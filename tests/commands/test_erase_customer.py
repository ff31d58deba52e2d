"""erase_customer: the words go, the ledger stays."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from kb import audit
from kb.actions import answering
from kb.actions.answering import Question
from kb.models import Answer, AnswerContent, AnswerPassage, AuditEvent
from tests import stories
from tests.api.conftest import ASKED, BODY

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask():
    """Ask as a client; returns the answer's id."""
    stories.published(stories.staff(), title="When does my refund arrive", body=BODY)
    bots = {name: stories.client(name)[0] for name in ("bot", "other")}

    def asked(name: str = "bot", **given):
        question = Question(query=ASKED, **given)
        return answering.answer(client=bots[name], key=None, question=question)["id"]

    return asked


def erase(reference: str, *words: str) -> str:
    out = StringIO()
    call_command("erase_customer", reference, *words, stdout=out)
    return out.getvalue()


def content(answer_id) -> AnswerContent:
    return AnswerContent.objects.get(answer_id=answer_id)


def test_what_the_customer_wrote_goes_and_the_ledger_stays(ask):
    turns = ({"role": "customer", "text": "my parcel came back"},)
    mine = ask(customer="c-1", conversation="t-1", history=turns)
    theirs = ask(customer="c-2", conversation="t-2")
    answers, passages = Answer.objects.count(), AnswerPassage.objects.count()
    assert "1 answer" in erase("c-1", "--why", "asked for")
    gone = content(mine)
    assert (gone.question, gone.turns, gone.conversation, gone.customer) == ("", [], "", "")
    assert gone.erased_at is not None
    assert content(theirs).question
    assert (Answer.objects.count(), AnswerPassage.objects.count()) == (answers, passages)
    assert audit.verify() == []


def test_turns_of_the_same_conversation_without_the_reference_go_too(ask):
    ask(customer="c-1", conversation="t-1")
    same, elsewhere = ask(conversation="t-1"), ask("other", conversation="t-1")
    alone = ask()
    assert "2 answer" in erase("c-1")
    assert content(same).erased_at is not None
    assert content(elsewhere).erased_at is None
    assert content(alone).erased_at is None


def test_the_tombstone_does_not_name_the_customer(ask):
    ask(customer="c-10442-very-own")
    printed = erase("c-10442-very-own")
    event = AuditEvent.objects.get(action="erase_customer")
    assert event.subject in printed
    assert not any("c-10442-very-own" in str(row) for row in AuditEvent.objects.values_list())
    assert '"answers": 1' in event.new


def test_erasing_again_finds_nothing_and_says_so_under_the_same_name(ask):
    ask(customer="c-1")
    erase("c-1")
    assert "Nothing was held" in erase("c-1")
    subjects = AuditEvent.objects.filter(action="erase_customer").values_list("subject", flat=True)
    assert len(subjects) == 2
    assert len(set(subjects)) == 1


def test_an_empty_reference_is_refused_and_erases_nothing(ask):
    answer = ask()
    with pytest.raises(CommandError, match="reference"):
        erase(" ")
    assert content(answer).erased_at is None
