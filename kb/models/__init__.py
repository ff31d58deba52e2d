"""Tables, constraints and triggers; no behaviour beyond them."""

from kb.models.articles import (
    Article,
    Contributor,
    Journey,
    Period,
    PeriodRecord,
    Verification,
    Version,
)
from kb.models.clients import RIGHTS, Client, ClientKey, IdempotencyRecord, RateBucket
from kb.models.events import CHANGE_KINDS, AuditEvent, ChainHead, Change
from kb.models.facts import CarriedFact, Fact, FactPeriod, FactRevision, PinnedFact
from kb.models.holds import Hold
from kb.models.imports import ImportRun, StagedRecord
from kb.models.ledger import Answer, AnswerContent, AnswerPassage
from kb.models.passages import Passage, PassageVector
from kb.models.people import OwnerGroup, Person, Role, RoleGrant
from kb.models.reviews import ChangeSet, Review

__all__ = [
    "CHANGE_KINDS",
    "RIGHTS",
    "Answer",
    "AnswerContent",
    "AnswerPassage",
    "Article",
    "AuditEvent",
    "CarriedFact",
    "ChainHead",
    "Change",
    "ChangeSet",
    "Client",
    "ClientKey",
    "Contributor",
    "Fact",
    "FactPeriod",
    "FactRevision",
    "Hold",
    "IdempotencyRecord",
    "ImportRun",
    "Journey",
    "OwnerGroup",
    "Passage",
    "PassageVector",
    "Period",
    "PeriodRecord",
    "Person",
    "PinnedFact",
    "RateBucket",
    "Review",
    "Role",
    "RoleGrant",
    "StagedRecord",
    "Verification",
    "Version",
]
