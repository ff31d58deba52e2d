"""Clients (bots and agent desktops), their keys, their rate, and replays of their requests."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from simple_history.models import HistoricalRecords

from kb.models.articles import AUDIENCES

RIGHTS = ("recall", "hold", "findings", "handoffs", "read", "history", "audit")


class Client(models.Model):
    """Audience, scope, channel, rate, rights and purpose are bound to it; requests only narrow."""

    name = models.CharField(max_length=100, unique=True)
    audience = models.CharField(max_length=10, choices=AUDIENCES, default="public")
    channel = models.CharField(max_length=40, blank=True)
    scope = models.JSONField(default=dict)
    rights = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    rate_per_s = models.FloatField(null=True, blank=True)
    purpose = models.CharField(
        max_length=4, choices=[("live", "live"), ("test", "test")], default="live"
    )
    created_at = models.DateTimeField()
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name


class ClientKey(models.Model):
    """A key of a client: only its SHA-256 is stored. Revocation holds from the next request."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="keys")
    hash = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.client_id}"


class RateBucket(models.Model):
    """A token bucket that all workers share (an unlogged table: a crash only refills it)."""

    client = models.OneToOneField(Client, on_delete=models.CASCADE, primary_key=True)
    tokens = models.FloatField()
    filled_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.client_id}: {self.tokens}"


class IdempotencyRecord(models.Model):
    """What a POST with an Idempotency-Key did, so that its replay does nothing twice."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    answer = models.ForeignKey("kb.Answer", on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "key"], name="idempotency_key_once")
        ]

    def __str__(self) -> str:
        return self.key
