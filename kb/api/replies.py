"""The shapes of what the API answers, for the OpenAPI document. Nothing is validated with them.

The bodies themselves are made by the actions; a test holds the two together. Read by
drf-spectacular through each endpoint.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from kb.actions import holding
from kb.models import CHANGE_KINDS
from policies.eligibility import DecisionKind, ReasonCode

Fields = serializers.Serializer[Any]


class Quote(Fields):
    """A sentence that answers, verbatim; offsets count code points of the passage's text."""

    text = serializers.CharField()
    passage = serializers.IntegerField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()


class PassageArticle(Fields):
    """The article that a passage belongs to."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    slug = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(["policy", "resolution"])
    url = serializers.CharField()


class PassageVersion(Fields):
    """The version that was served, and who answers for it."""

    number = serializers.IntegerField()
    digest = serializers.CharField()
    approved_at = serializers.DateTimeField()
    approved_by = serializers.ListField(child=serializers.CharField())
    effective_from = serializers.DateTimeField(allow_null=True)
    effective_until = serializers.DateTimeField(allow_null=True)


class RenderedFact(Fields):
    """A policy value that the version's text shows."""

    key = serializers.CharField()
    value = serializers.CharField()
    unit = serializers.CharField(allow_null=True)
    display = serializers.CharField()
    scope = serializers.DictField(child=serializers.CharField())


class ServedPassage(Fields):
    """A passage that the gate let through, with its citation."""

    id = serializers.IntegerField()
    text = serializers.CharField()
    html = serializers.CharField()
    headings = serializers.ListField(child=serializers.CharField())
    score = serializers.FloatField()
    citation = serializers.CharField()
    article = PassageArticle()
    version = PassageVersion()
    facts = RenderedFact(many=True)


class ClarifyOption(Fields):
    """One of the possible meanings, and the scope to ask again with."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field, not the option
    scope = serializers.DictField(child=serializers.CharField())


class Clarify(Fields):
    """What to ask the customer, where the answer depends on it."""

    question = serializers.CharField()
    options = ClarifyOption(many=True)


class Handoff(Fields):
    """Whether a person must take over, or is only offered."""

    required = serializers.BooleanField()  # type: ignore[assignment]
    rule = serializers.CharField(allow_null=True)
    queue = serializers.CharField(allow_null=True)
    contact = serializers.CharField(allow_null=True)
    open_now = serializers.BooleanField(allow_null=True)
    message = serializers.CharField()


class AnswerReply(Fields):
    """A decision, always 200: to abstain is a success."""

    id = serializers.UUIDField()
    decision = serializers.ChoiceField([one.value for one in DecisionKind])
    reason = serializers.ChoiceField([one.value for one in ReasonCode])
    probability = serializers.FloatField()
    threshold = serializers.FloatField()
    quotes = Quote(many=True)
    passages = ServedPassage(many=True)
    clarify = Clarify(allow_null=True)
    handoff = Handoff(allow_null=True)
    served_at = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    historical = serializers.BooleanField()


class NamedArticle(Fields):
    """An article by its names."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    slug = serializers.CharField()


class NamedVersion(Fields):
    """A version by its id, number and digest."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    digest = serializers.CharField()


class CitedPassage(Fields):
    """A passage that an answer rested on, and what its citation is worth now."""

    id = serializers.IntegerField()
    article = NamedArticle()
    version = NamedVersion()
    score = serializers.FloatField()
    citation = serializers.CharField()
    status = serializers.CharField()
    replaced_by = serializers.CharField(allow_null=True)
    headings = serializers.ListField(child=serializers.CharField(), allow_null=True)
    text = serializers.CharField(allow_null=True)


class CustomerContent(Fields):
    """What the customer wrote, redacted; empty once erased."""

    question = serializers.CharField(allow_blank=True)
    turns = serializers.ListField(child=serializers.DictField())
    conversation = serializers.CharField(allow_null=True)
    customer = serializers.CharField(allow_null=True)
    erased_at = serializers.DateTimeField(allow_null=True)


class RecordedAnswer(Fields):
    """One answer as the ledger has it. Texts only with the right `recall`."""

    id = serializers.UUIDField()
    client = serializers.CharField()
    decision = serializers.ChoiceField([one.value for one in DecisionKind])
    reason = serializers.ChoiceField([one.value for one in ReasonCode])
    probability = serializers.FloatField()
    threshold = serializers.FloatField()
    language = serializers.CharField()
    scope = serializers.DictField(child=serializers.CharField())
    purpose = serializers.ChoiceField(["live", "test"])
    served_at = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    historical = serializers.BooleanField()
    passages = CitedPassage(many=True)
    content = CustomerContent(allow_null=True)


class RecalledPassage(Fields):
    """A passage that a recalled answer rested on."""

    id = serializers.IntegerField()
    article = serializers.CharField(help_text="its slug")
    version = serializers.IntegerField(help_text="its number")


class RecalledAnswer(Fields):
    """Who was told, when, in which conversation."""

    id = serializers.UUIDField()
    served_at = serializers.DateTimeField()
    client = serializers.CharField()
    decision = serializers.ChoiceField([one.value for one in DecisionKind])
    reason = serializers.ChoiceField([one.value for one in ReasonCode])
    purpose = serializers.ChoiceField(["live", "test"])
    historical = serializers.BooleanField()
    conversation = serializers.CharField(allow_null=True)
    passages = RecalledPassage(many=True)


class Recall(Fields):
    """A page of answers, newest first. Follow `next` until it is null: a page may be short."""

    items = RecalledAnswer(many=True)
    next = serializers.CharField(allow_null=True)


class ArticleVersion(Fields):
    """The version that is read, and when it governs."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    digest = serializers.CharField()
    published_at = serializers.DateTimeField()
    effective_from = serializers.DateTimeField(allow_null=True)
    effective_until = serializers.DateTimeField(allow_null=True)


class ArticleEntry(Fields):
    """An article that the client may read."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    slug = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(["policy", "resolution"])
    language = serializers.CharField()
    journey = serializers.CharField(allow_null=True)
    scope = serializers.DictField(child=serializers.CharField())
    url = serializers.CharField()
    version = ArticleVersion()


class ArticlePassage(Fields):
    """A part of the article."""

    id = serializers.IntegerField()
    headings = serializers.ListField(child=serializers.CharField())
    text = serializers.CharField()
    html = serializers.CharField()


class WholeArticle(ArticleEntry):
    """An article's text, as far as the client's audience includes it."""

    languages = serializers.ListField(child=serializers.CharField())
    passages = ArticlePassage(many=True)
    served_at = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    historical = serializers.BooleanField()


class ArticleList(Fields):
    """A page of articles; `next` is null on the last one."""

    items = ArticleEntry(many=True)
    next = serializers.CharField(allow_null=True)


class ChangedVersion(Fields):
    """The version that a change is about."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    language = serializers.CharField()


class ChangeItem(Fields):
    """Something that changes what may be served, at `at` (which may lie ahead)."""

    cursor = serializers.IntegerField()
    kind = serializers.ChoiceField(CHANGE_KINDS)
    at = serializers.DateTimeField()
    article = NamedArticle(allow_null=True)
    version = ChangedVersion(allow_null=True)


class ChangeList(Fields):
    """Changes in their one order. `next` is never null: poll with it as `after`."""

    items = ChangeItem(many=True)
    next = serializers.IntegerField()


class StandingHold(Fields):
    """A hold: what it keeps out of service, why, and who placed it."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(holding.TARGETS)
    target = serializers.CharField()
    reason = serializers.CharField()
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()


class HoldList(Fields):
    """A page of standing holds, oldest first."""

    items = StandingHold(many=True)
    next = serializers.CharField(allow_null=True)
