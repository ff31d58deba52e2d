"""A person's decision on one exact digest, and what is signed together."""

from __future__ import annotations

from django.db import models

from kb.models.articles import Version


class Review(models.Model):
    """Approve or return, on `digest`, freshly authenticated. Never changes.

    An approval that arrives by import has the meaning `import_attested`, names its run and has no
    authentication.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="reviews")
    digest = models.CharField(max_length=64)
    decision = models.CharField(
        max_length=8, choices=[("approve", "approve"), ("return", "return")]
    )
    meaning = models.CharField(max_length=40)
    comment = models.TextField(blank=True)
    reviewer = models.ForeignKey("kb.Person", on_delete=models.PROTECT, related_name="reviews")
    authenticated_by = models.CharField(max_length=20, blank=True)
    authenticated_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField()
    import_run = models.ForeignKey("kb.ImportRun", on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "reviewer", "decision"], name="review_once_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reviewer}: {self.decision} {self.version_id}"


class ChangeSet(models.Model):
    """A fact changed once: the policy version and every successor that must follow, together.

    Its author is whoever proposed it; signing it writes one review per version digest.
    """

    proposed_by = models.ForeignKey("kb.Person", on_delete=models.PROTECT, related_name="+")
    note = models.TextField()
    state = models.CharField(
        max_length=12,
        choices=[(s, s) for s in ("in_review", "published", "returned", "withdrawn")],
        default="in_review",
    )
    effective_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"change set {self.pk}"
