"""Passages, the unit of retrieval, and their vectors."""

from __future__ import annotations

from django.db import models

from kb.models.articles import AUDIENCES, Version


class Passage(models.Model):
    """A heading path and up to about 200 words of one submitted version. Never changes.

    `digest` is computed by the database over what would be shown; `embedding_key` names the text
    that is embedded (title, headings and text), so equal texts are embedded once.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="passages")
    ordinal = models.PositiveIntegerField()
    headings = models.JSONField(default=list)
    text = models.TextField()
    html = models.TextField()
    audience = models.CharField(max_length=10, choices=AUDIENCES)
    placeholder = models.BooleanField(default=False)
    digest = models.CharField(max_length=64)
    embedding_key = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "ordinal"], name="passage_ordinal")
        ]
        indexes = [models.Index(fields=["digest"], name="passage_digest")]

    def __str__(self) -> str:
        return f"{self.version_id}.{self.ordinal}"


class PassageVector(models.Model):
    """The vector of an embedding key under one encoder: float16, packed. A cache."""

    embedding_key = models.CharField(max_length=64)
    encoder = models.CharField(max_length=120)
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["embedding_key", "encoder"], name="vector_once")
        ]

    def __str__(self) -> str:
        return f"{self.embedding_key[:12]} ({self.encoder})"
