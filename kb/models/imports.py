"""Imports: a run over one file, and the records it staged before anything took force."""

from __future__ import annotations

from django.db import models


class ImportRun(models.Model):
    """One file imported by one operator; resumable while `state` is `staging`."""

    source = models.CharField(max_length=100)
    file_name = models.CharField(max_length=300)
    file_digest = models.CharField(max_length=64)
    options = models.JSONField(default=dict)
    operator = models.CharField(max_length=150)
    author = models.ForeignKey("kb.Person", on_delete=models.PROTECT, related_name="+")
    approvers = models.ManyToManyField("kb.Person", related_name="+")
    state = models.CharField(
        max_length=10,
        choices=[(s, s) for s in ("staging", "in_force", "abandoned")],
        default="staging",
    )
    counts = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"import {self.pk} of {self.source}"


class StagedRecord(models.Model):
    """A validated record with its passages, waiting for its run to take force."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="records")
    line = models.PositiveIntegerField()
    external_id = models.CharField(max_length=300)
    content = models.JSONField()
    passages = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "external_id"], name="staged_once")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.external_id}"
