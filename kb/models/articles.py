"""Articles, their versions, who contributed, and the periods in which versions are in force.

No behaviour lives here: the rules are in `policies`, the writes in `kb.actions`, and what must
never happen is refused by the triggers of `kb/migrations/sql/`.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from policies.lifecycle import State

AUDIENCES = [("public", "public"), ("agent", "agent"), ("internal", "internal")]


class Journey(models.Model):
    """A reason for contact (Refunds, Lost card). Holds articles."""

    name = models.CharField(max_length=100, unique=True)
    readiness = models.CharField(
        max_length=10,
        choices=[("repair", "repair"), ("assist", "assist"), ("automate", "automate")],
        default="automate",
    )
    readiness_decided_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name


class Article(models.Model):
    """The lasting identity. Nothing on it changes what is said or to whom."""

    slug = models.SlugField(max_length=120, unique=True)
    source = models.CharField(max_length=100, default="touchstone")
    external_id = models.CharField(max_length=300)
    owner_group = models.ForeignKey("kb.OwnerGroup", on_delete=models.PROTECT)
    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, null=True, blank=True)
    review_every_days = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="article_source_id"),
            models.CheckConstraint(
                condition=Q(review_every_days__isnull=True) | Q(review_every_days__gt=0),
                name="article_review_cycle_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Version(models.Model):
    """One text of an article in one language. From its submission on its content can't change.

    `number` and `digest` are given by the database at submission. `facts` are the declarations a
    policy version carries (import format); `edited_by` names who saved the content last, from
    which the database keeps `Contributor`.
    """

    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="versions")
    language = models.CharField(max_length=35)
    number = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in State], default=State.draft.value
    )
    title = models.CharField(max_length=300)
    body = models.TextField()
    kind = models.CharField(
        max_length=12, choices=[("policy", "policy"), ("resolution", "resolution")]
    )
    risk = models.CharField(
        max_length=6, choices=[("normal", "normal"), ("high", "high")], default="normal"
    )
    audience = models.CharField(max_length=10, choices=AUDIENCES, default="internal")
    scope = models.JSONField(default=dict)
    effective_from = models.DateTimeField(null=True, blank=True)
    effective_until = models.DateTimeField(null=True, blank=True)
    change_note = models.TextField(blank=True)
    facts = models.JSONField(default=list)
    digest = models.CharField(max_length=64, null=True, blank=True)
    based_on = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="successors"
    )
    author = models.ForeignKey("kb.Person", on_delete=models.PROTECT, related_name="+")
    edited_by = models.ForeignKey("kb.Person", on_delete=models.PROTECT, related_name="+")
    edits = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    import_run = models.ForeignKey(
        "kb.ImportRun", on_delete=models.PROTECT, null=True, blank=True, related_name="versions"
    )
    change_set = models.ForeignKey(
        "kb.ChangeSet", on_delete=models.PROTECT, null=True, blank=True, related_name="versions"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["article", "language"],
                condition=Q(state="draft", change_set__isnull=True),
                name="version_one_open_draft",
            ),
            models.UniqueConstraint(fields=["article", "number"], name="version_number"),
            models.CheckConstraint(
                condition=Q(effective_until__isnull=True)
                | Q(effective_from__isnull=True)
                | Q(effective_until__gt=models.F("effective_from")),
                name="version_effective_order",
            ),
            models.CheckConstraint(
                condition=Q(state="draft", number__isnull=True, digest__isnull=True)
                | Q(state="withdrawn")
                | Q(number__isnull=False, digest__isnull=False),
                name="version_numbered_at_submission",
            ),
        ]
        indexes = [models.Index(fields=["state", "-edited_at"], name="version_state_edited")]

    def __str__(self) -> str:
        return f"{self.article.slug} v{self.number or '–'} ({self.language})"


class Contributor(models.Model):
    """Who saved content of a version. Written by the database alone."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="contributors")
    person = models.ForeignKey("kb.Person", on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "person"], name="contributor_once")
        ]

    def __str__(self) -> str:
        return f"{self.person} on {self.version_id}"


class Period(models.Model):
    """When a version is in force: `[starts_at, ends_at)`; equal ends mean never.

    `closed_by` is the successor that ended it. The database keeps the generated range `in_force`,
    forbids overlap per article and language, and appends each state to `PeriodRecord`.
    """

    version = models.OneToOneField(Version, on_delete=models.PROTECT, related_name="period")
    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="periods")
    language = models.CharField(max_length=35)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        Version, on_delete=models.PROTECT, null=True, blank=True, related_name="closed_periods"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=models.F("starts_at")),
                name="period_order",
            )
        ]
        indexes = [
            models.Index(fields=["article", "language", "starts_at"], name="period_by_article"),
            models.Index(fields=["starts_at"], name="period_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.starts_at} – {self.ends_at}"


class PeriodRecord(models.Model):
    """What a period said from `recorded_at` on: the ground of `known_at`. Written by a trigger."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="records")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["period", "-recorded_at"], name="period_record_latest")]

    def __str__(self) -> str:
        return f"{self.period_id} as recorded {self.recorded_at}"


class Verification(models.Model):
    """A person looked at what governs and found it still right: the review clock starts anew."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="verifications")
    person = models.ForeignKey("kb.Person", on_delete=models.PROTECT)
    note = models.TextField(blank=True)
    verified_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.version_id} verified {self.verified_at}"
