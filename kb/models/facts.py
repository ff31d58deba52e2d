"""Typed policy values, their revisions, who carries and who renders them, and when they govern."""

from __future__ import annotations

from django.db import models

from kb.models.articles import Period, Version


class Fact(models.Model):
    """The lasting key of a policy value (`refund.window`) and its type."""

    key = models.CharField(max_length=100, unique=True)
    type = models.CharField(max_length=12)

    def __str__(self) -> str:
        return self.key


class FactRevision(models.Model):
    """One value with its comparator, unit, scope and own period. Content-addressed; never changes.

    `value` is canonical text (`policies.facts`); `display` is what prose shows.
    """

    fact = models.ForeignKey(Fact, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    comparator = models.CharField(max_length=4, default="eq")
    value = models.CharField(max_length=500)
    unit = models.CharField(max_length=30, blank=True)
    canonical = models.CharField(max_length=600)
    display = models.CharField(max_length=600)
    scope = models.JSONField(default=dict)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fact", "number"], name="fact_revision_number"),
            models.UniqueConstraint(fields=["fact", "digest"], name="fact_revision_once"),
        ]

    def __str__(self) -> str:
        return f"{self.fact.key} r{self.number}"


class CarriedFact(models.Model):
    """A policy version states this revision: while the version is in force, the value governs."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="carried")
    revision = models.ForeignKey(FactRevision, on_delete=models.PROTECT, related_name="carriers")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "revision"], name="carried_once")]

    def __str__(self) -> str:
        return f"{self.version_id} carries {self.revision_id}"


class PinnedFact(models.Model):
    """A version's text was rendered from this revision."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="pins")
    revision = models.ForeignKey(FactRevision, on_delete=models.PROTECT, related_name="pinned_by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "revision"], name="pinned_once")]

    def __str__(self) -> str:
        return f"{self.version_id} pins {self.revision_id}"


class FactPeriod(models.Model):
    """When a carried revision governs: its carrier's period within its own. Kept by triggers."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="fact_periods")
    fact = models.ForeignKey(Fact, on_delete=models.PROTECT)
    revision = models.ForeignKey(FactRevision, on_delete=models.PROTECT, related_name="periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["period", "revision"], name="fact_period_once")
        ]
        indexes = [models.Index(fields=["revision", "starts_at"], name="fact_period_revision")]

    def __str__(self) -> str:
        return f"{self.revision_id}: {self.starts_at} – {self.ends_at}"
