"""Holds: what is out of service at once, for a reason, until a person lifts it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from kb.models.articles import Article, Journey, Version
from kb.models.facts import Fact

TARGETS = ("article", "version", "passage_digest", "fact", "journey")


class Hold(models.Model):
    """Exactly one target. Placed once, lifted once, never changed otherwise."""

    article = models.ForeignKey(
        Article, on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    version = models.ForeignKey(
        Version, on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    passage_digest = models.CharField(max_length=64, null=True, blank=True)
    fact = models.ForeignKey(
        Fact, on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    journey = models.ForeignKey(
        Journey, on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    reason = models.TextField()
    placed_by = models.CharField(max_length=150)
    placed_at = models.DateTimeField()
    lifted_by = models.ForeignKey(
        "kb.Person", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | (Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="hold_lifted_with_reason",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="hold_has_reason"),
        ]
        indexes = [
            models.Index(
                fields=[name], name=f"hold_open_{name[:12]}", condition=Q(lifted_at__isnull=True)
            )
            for name in TARGETS
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"
