"""The ledger: what was answered to whom, append-only; and beside it what the customer wrote."""

from __future__ import annotations

from django.db import models

from kb.models.articles import Article, Version
from kb.models.clients import Client
from kb.models.passages import Passage


class Answer(models.Model):
    """One decision. Durable before it is sent; never changed or removed.

    `question_hash` is a keyed hash; the words lie in AnswerContent.
    """

    id = models.UUIDField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="answers")
    decision = models.CharField(max_length=10)
    reason = models.CharField(max_length=30)
    probability = models.FloatField()
    threshold = models.FloatField()
    question_hash = models.CharField(max_length=64)
    language = models.CharField(max_length=35)
    audience = models.CharField(max_length=10)
    scope = models.JSONField(default=dict)
    channel = models.CharField(max_length=40, blank=True)
    purpose = models.CharField(max_length=4, default="live")
    historical = models.BooleanField(default=False)
    as_of = models.DateTimeField(null=True, blank=True)
    known_at = models.DateTimeField(null=True, blank=True)
    served_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["client", "-served_at"], name="answer_client_served"),
            models.Index(fields=["-served_at"], name="answer_served"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class AnswerPassage(models.Model):
    """A passage that an answer rests on; `served_at` is repeated: recall is one index scan."""

    answer = models.ForeignKey(Answer, on_delete=models.PROTECT, related_name="passages")
    rank = models.PositiveSmallIntegerField()
    passage = models.ForeignKey(Passage, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", db_index=False)
    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="+", db_index=False)
    score = models.FloatField()
    served_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["answer", "rank"], name="answer_rank")]
        indexes = [
            models.Index(fields=["version", "-served_at", "answer"], name="recall_version"),
            models.Index(fields=["article", "-served_at", "answer"], name="recall_article"),
            models.Index(fields=["passage", "-served_at", "answer"], name="recall_passage"),
        ]

    def __str__(self) -> str:
        return f"{self.answer_id} #{self.rank}"


class AnswerContent(models.Model):
    """What the customer wrote, redacted; erasable, and past `retain_until` erased by the worker."""

    answer = models.OneToOneField(
        Answer, on_delete=models.PROTECT, primary_key=True, related_name="content"
    )
    question = models.TextField(blank=True)
    turns = models.JSONField(default=list)
    conversation = models.CharField(max_length=200, blank=True)
    customer = models.CharField(max_length=200, blank=True)
    retain_until = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["customer"], name="content_customer", condition=~models.Q(customer="")
            ),
            models.Index(
                fields=["conversation"],
                name="content_conversation",
                condition=~models.Q(conversation=""),
            ),
            models.Index(
                fields=["retain_until"],
                name="content_retention",
                condition=models.Q(erased_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.answer_id)
