"""What the domain says may be served, in plain Python: the measure that the gate is held against.

It keeps no periods. Who governs at an instant is said as a person would: of the versions that have
begun by then, the one that began last, unless its own end or its retirement has come. It knows
nothing of SQL, tables or triggers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

RANK = {"public": 0, "agent": 1, "internal": 2}
REVIEW_EVERY = timedelta(days=10)
GRACE = timedelta(days=30)


@dataclass(eq=False)
class Text:
    """One version: what was signed, and what happened to it."""

    article: str
    words: str
    audience: str
    scope: dict[str, str]
    begins_at: datetime | None
    ends_at: datetime | None
    states: str | None = None
    renders: str | None = None
    published_at: datetime | None = None
    retired_at: datetime | None = None
    verified_at: datetime | None = None

    @property
    def start(self) -> datetime:
        """When a published one takes force."""
        assert self.published_at is not None
        return max(self.published_at, self.begins_at or self.published_at)

    def is_published(self, known: datetime) -> bool:
        """Whether it was published by `known`."""
        return self.published_at is not None and self.published_at <= known

    def was_retired(self, known: datetime) -> bool:
        """Whether it was retired by `known`."""
        return self.retired_at is not None and self.retired_at <= known

    def ever_begins(self, known: datetime) -> bool:
        """Whether, as known then, there is any instant at which it takes force."""
        if not self.is_published(known):
            return False
        if self.ends_at is not None and self.ends_at <= self.start:
            return False
        return not (self.was_retired(known) and self.retired_at <= self.start)  # type: ignore[operator]


@dataclass
class World:
    """Everything that happened, in order of publication."""

    texts: list[Text] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    ready: bool = True
    cycled: frozenset[str] = frozenset()
    journeys: dict[str, str] = field(default_factory=dict)

    def governing(self, article: str, at: datetime, known: datetime) -> Text | None:
        """The version of an article that governed at `at`, as was known at `known`."""
        begun = [
            text
            for text in self.texts
            if text.article == article and text.ever_begins(known) and text.start <= at
        ]
        last = max(begun, key=lambda text: (text.start, text.published_at), default=None)
        if last is None or (last.ends_at is not None and last.ends_at <= at):
            return None
        return None if last.was_retired(known) and last.retired_at <= at else last  # type: ignore[operator]

    def stated(self, at: datetime, known: datetime) -> set[str]:
        """The values that policies in force state."""
        articles = {text.article for text in self.texts}
        found = {self.governing(article, at, known) for article in articles}
        return {text.states for text in found if text is not None and text.states is not None}

    def governs(self, text: Text, at: datetime, known: datetime) -> bool:
        """Whether it was in force, with every value it renders."""
        if self.governing(text.article, at, known) is not text:
            return False
        return text.renders is None or text.renders in self.stated(at, known)

    def is_for(self, text: Text, audience: str, scope: dict[str, str]) -> bool:
        """Whether such a caller may be shown it at all."""
        return RANK[text.audience] <= RANK[audience] and all(
            scope.get(key, value) == value for key, value in text.scope.items()
        )

    def on_hold(self, text: Text) -> bool:
        """Whether a hold stands on it, its article, its words, its journey or its fact."""
        names = {
            ("article", text.article),
            ("version", str(self.texts.index(text))),
            ("passage", f"{text.words}/{text.audience}"),
            ("journey", self.journeys.get(text.article, "")),
        }
        if text.states is not None or text.renders is not None:
            names.add(("fact", "window"))
        return any(hold in names for hold in self.held)

    def overdue(self, text: Text, at: datetime) -> bool:
        """Whether its review is past the grace."""
        if text.article not in self.cycled or text.verified_at is None:
            return False
        return at >= text.verified_at + REVIEW_EVERY + GRACE

    def servable(self, text: Text, audience: str, scope: dict[str, str], at: datetime) -> bool:
        """Whether such a caller may be served it now."""
        return (
            self.is_for(text, audience, scope)
            and self.governs(text, at, at)
            and not self.on_hold(text)
            and not self.overdue(text, at)
            and (self.ready or audience != "public" or text.article not in self.journeys)
        )
