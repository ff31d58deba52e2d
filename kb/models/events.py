"""What happened: the hash-chained audit, and the one order of changes that caches follow."""

from __future__ import annotations

from django.db import models

from kb.models.articles import Article, Version

CHANGE_KINDS = (
    "published",
    "in_effect",
    "superseded",
    "expired",
    "retired",
    "held",
    "lifted",
    "fact_changed",
    "readiness_changed",
)


class AuditEvent(models.Model):
    """Who did what to what, when and why. `old` and `new` are canonical JSON texts.

    `id`, `previous_hash` and `hash` are given by the database under the chain's lock; the hash is
    over the exact texts (`kb.audit` says how), so that anyone can verify it offline.
    """

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)
    why = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["subject", "id"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.pk}: {self.action} {self.subject}"


class Change(models.Model):
    """An item of /changes. `cursor` is given by the database in the order of commits."""

    cursor = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=20, choices=[(k, k) for k in CHANGE_KINDS])
    at = models.DateTimeField()
    article = models.ForeignKey(
        Article, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    version = models.ForeignKey(
        Version, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.cursor}: {self.kind}"


class ChainHead(models.Model):
    """The last audit row and the last change: one row, locked last and briefly."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    audit_id = models.BigIntegerField(default=0)
    audit_hash = models.CharField(max_length=64, default="0" * 64)
    change_cursor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"audit {self.audit_id}, changes {self.change_cursor}"
