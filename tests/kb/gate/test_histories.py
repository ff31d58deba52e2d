"""The gate against a plain model of the domain, over random histories of what people do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from kb import gate
from kb.actions import drafting, facts, holding, publishing, reviewing
from kb.actions.content import Content
from kb.actions.work import Actor
from kb.errors import KbError
from kb.gate import Caller, Moment
from kb.models import Hold, Journey, Person, Version
from tests import stories
from tests.conftest import Clock
from tests.kb.gate.model import GRACE, REVIEW_EVERY, Text, World

HOUR = timedelta(hours=1)
ARTICLES = ("plain", "twin", "cycled", "policy", "rendering")
JOURNEY = "Refunds"
CALLERS = (
    ("public", {}),
    ("public", {"region": "us"}),
    ("agent", {}),
    ("internal", {"region": "eu", "segment": "business"}),
)

nth = st.integers(0, 7)
begins = st.sampled_from([None, None, 48, 90])
ends = st.sampled_from([None, None, 24, 100, 150])
audiences = st.sampled_from(["public", "public", "agent"])
scopes = st.sampled_from([{}, {}, {"region": "eu"}])
values = st.sampled_from(["14 days", "30 days", "60 days"])
kinds = st.sampled_from(["article", "version", "passage", "fact", "journey"])
texts = (st.sampled_from(ARTICLES), st.integers(0, 1), begins, ends, audiences, scopes, values)
OFTEN = [
    st.tuples(st.just("write"), *texts),
    st.tuples(st.just("approve"), nth),
    st.tuples(st.just("write_and_approve"), *texts),
    st.tuples(st.just("forward"), st.sampled_from([30, 70, 200])),
]
SELDOM = [
    st.tuples(st.just("give_back"), nth),
    st.tuples(st.just("retire"), nth),
    st.tuples(st.just("verify"), nth),
    st.tuples(st.just("hold"), kinds, nth),
    st.tuples(st.just("lift"), nth),
    st.tuples(st.just("change_fact"), values, st.sampled_from([None, 60])),
    st.tuples(st.just("ready"), st.booleans()),
]
HISTORIES = st.lists(st.one_of(*OFTEN, *OFTEN, *SELDOM), min_size=3, max_size=12)
# A policy in force and a text that renders its value, so that there is something to change.
OPENING: list[tuple[Any, ...]] = [
    ("write_and_approve", "policy", 0, None, None, "public", {}, "30 days"),
    ("write_and_approve", "rendering", 0, None, None, "public", {}, ""),
]


@dataclass
class History:
    """People doing things through the actions, and the model told of what succeeded."""

    team: dict[str, Person]
    clock: Clock
    world: World = field(default_factory=lambda: World(
        cycled=frozenset({"cycled"}), journeys={"plain": JOURNEY, "rendering": JOURNEY}
    ))  # fmt: skip
    rows: list[Version] = field(default_factory=list)
    passages: list[int] = field(default_factory=list)
    waiting: dict[str, tuple[Version, Text]] = field(default_factory=dict)
    article_ids: dict[str, int] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    seen: list[tuple[datetime, list[bool]]] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)

    def play(self, steps: list[tuple[Any, ...]]) -> None:
        """Do every step that the rules allow; after each, ask the gate and the model."""
        for name, *arguments in steps:
            try:
                with transaction.atomic():
                    getattr(self, name)(*arguments)
            except KbError as refusal:
                self.did[f"{name} refused: {refusal.code}"] += 1
            else:
                self.did[name] += 1
            self.compare_now()

    @property
    def editor(self) -> Actor:
        return Actor.of(self.team["editor"])

    @property
    def approver(self) -> Actor:
        return Actor.of(self.team["approver"])

    def write(
        self, article: str, body: int, begins: int | None, ends: int | None, audience: str,
        scope: dict[str, str], value: str,
    ) -> None:  # fmt: skip
        """A new version of an article, up to review."""
        now = gate.clock()
        words = f"Words of kind {body}."
        content = Content(
            title=article,
            body=words + (" {{ fact window }}" if article == "rendering" else ""),
            kind="policy" if article == "policy" else "resolution",
            audience=audience,
            scope=scope if article in ("plain", "twin") else {},
            effective_from=now + begins * HOUR if begins else None,
            effective_until=now + ends * HOUR if ends else None,
            facts=({"key": "window", "type": "duration", "value": value},)
            if article == "policy"
            else (),
        )
        if content.effective_from and content.effective_until:
            content = Content(**{**content.__dict__, "effective_until": None})
        version = self._draft(article, content)
        version = drafting.submit_version(actor=self.editor, version_id=version.pk)
        self.article_ids[article] = version.article_id
        self.waiting[article] = (version, self._text(article, version))

    def _draft(self, article: str, content: Content) -> Version:
        if article not in self.article_ids:
            return drafting.create_article(
                actor=self.editor, content=content, owner_group=stories.GROUP,
                journey=self.world.journeys.get(article, ""),
                review_every_days=REVIEW_EVERY.days if article in self.world.cycled else None,
            )  # fmt: skip
        opened = drafting.open_draft(actor=self.editor, article_id=self.article_ids[article])
        return drafting.save_draft(
            actor=self.editor, version_id=opened.pk, edits=opened.edits, content=content
        )

    def _text(self, article: str, version: Version) -> Text:
        carried = version.carried.first()
        pinned = version.pins.first()
        return Text(
            article=article,
            words=version.passages.get().text,
            audience=version.audience,
            scope=version.scope,
            begins_at=version.effective_from,
            ends_at=version.effective_until,
            states=carried.revision.display if carried else None,
            renders=pinned.revision.display if pinned else None,
        )

    def write_and_approve(self, article: str, *given: Any) -> None:
        """The same in one step, as most texts go."""
        self.write(article, *given)
        self.approve(sorted(self.waiting).index(article))

    def approve(self, nth: int) -> None:
        article, version, text = self._waiting(nth)
        done = reviewing.approve_version(
            actor=self.approver, version_id=version.pk, digest=version.digest or "",
            signature=stories.fresh(),
        )  # fmt: skip
        del self.waiting[article]
        self._published(done, text)

    def _published(self, version: Version, text: Text) -> None:
        text.published_at = text.verified_at = version.published_at
        self.rows.append(version)
        self.passages.append(version.passages.get().pk)
        self.world.texts.append(text)

    def give_back(self, nth: int) -> None:
        article, version, _text = self._waiting(nth)
        reviewing.return_version(
            actor=self.approver, version_id=version.pk, digest=version.digest or "", comment="more"
        )
        del self.waiting[article]

    def retire(self, nth: int) -> None:
        version, text = self._chosen(nth)
        done = publishing.retire_version(actor=self.approver, version_id=version.pk, why="wrong")
        text.retired_at = done.decided_at

    def verify(self, nth: int) -> None:
        version, text = self._chosen(nth)
        done = publishing.verify_version(actor=self.approver, version_id=version.pk)
        text.verified_at = done.verified_at

    def hold(self, kind: str, nth: int) -> None:
        version, text = self._chosen(nth)
        at = self.world.texts.index(text)
        target, name = {
            "article": (version.article.slug, text.article),
            "version": (str(version.pk), str(at)),
            "passage": (version.passages.get().digest, f"{text.words}/{text.audience}"),
            "fact": ("window", "window"),
            "journey": (JOURNEY, JOURNEY),
        }[kind]
        placed = holding.place_hold(actor=self.editor, kind=kind, target=target, reason="wrong")
        self.holds.append(placed)
        self.world.held.append((kind, name))

    def lift(self, nth: int) -> None:
        if not self.holds:
            raise KbError("nothing is held")
        at = nth % len(self.holds)
        holding.lift_hold(actor=self.approver, hold_id=self.holds[at].pk, reason="right")
        del self.holds[at], self.world.held[at]

    def change_fact(self, value: str, later: int | None) -> None:
        """The policy and every text that renders it, together, at one instant."""
        at = gate.clock() + later * HOUR if later else None
        change_set = facts.propose_fact_change(
            actor=self.editor, key="window", value=value.removesuffix(" days"), unit="days",
            note="cheaper", effective_at=at,
        )  # fmt: skip
        versions = {one.pk: one for one in change_set.versions.all()}
        facts.approve_change_set(
            actor=self.approver, change_set_id=change_set.pk, signature=stories.fresh(),
            digests={pk: one.digest or "" for pk, one in versions.items()},
        )  # fmt: skip
        names = {pk: name for name, pk in self.article_ids.items()}
        carriers_first = sorted(versions.values(), key=lambda one: not one.carried.exists())
        for version in carriers_first:
            version.refresh_from_db()
            self._published(version, self._text(names[version.article_id], version))
        for name, (version, _text) in list(self.waiting.items()):
            version.refresh_from_db()
            if version.state == "returned":
                del self.waiting[name]

    def forward(self, hours: int) -> None:
        self.clock.forward(hours * HOUR)

    def ready(self, ready: bool) -> None:
        Journey.objects.filter(name=JOURNEY).update(readiness="automate" if ready else "assist")
        self.world.ready = ready or not Journey.objects.filter(name=JOURNEY).exists()

    def _waiting(self, nth: int) -> tuple[str, Version, Text]:
        if not self.waiting:
            raise KbError("nothing waits")
        article = sorted(self.waiting)[nth % len(self.waiting)]
        return (article, *self.waiting[article])

    def _chosen(self, nth: int) -> tuple[Version, Text]:
        if not self.rows:
            raise KbError("nothing is published")
        at = nth % len(self.rows)
        return self.rows[at], self.world.texts[at]

    def judged(self, caller: Caller, moment: Moment = gate.NOW) -> tuple[datetime, list[bool]]:
        """Whether the gate serves each version, in order of publication."""
        at, judged = gate.judge(self.passages, caller=caller, moment=moment)
        return at, [one.refusal is None for one in judged]

    def compare_now(self) -> None:
        for audience, scope in CALLERS:
            at, served = self.judged(Caller(audience, scope))
            expected = [self.world.servable(text, audience, scope, at) for text in self.world.texts]
            assert served == expected, (audience, scope, self.world)
        at, served = self.judged(Caller("internal", ignores_holds_in_the_past=True),
                                 Moment(known_at=gate.clock()))  # fmt: skip
        self.seen.append((at, served))

    def compare_past(self, at: datetime, known: datetime | None) -> None:
        """What governed at `at`, as known at `known` (None: today)."""
        _now, served = self.judged(
            Caller("internal", ignores_holds_in_the_past=True), Moment(as_of=at, known_at=known)
        )
        for version, text, one in zip(self.rows, self.world.texts, served, strict=True):
            if text.article in self.world.cycled:
                continue  # a review clock has no past: the last verification counts
            expected = self.world.governs(text, at, known or gate.clock())
            assert one == expected, (version, at, known, self.world)


@pytest.fixture
def history(db: None, clock: Clock) -> History:
    """People who have done nothing yet."""
    return History(stories.staff(), clock)


SPEED = settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
ASKED: Counter[str] = Counter()


def lived(history: History, steps: list[tuple[Any, ...]]) -> History:
    """A history of its own, undone when its transaction is rolled back."""
    history.clock.back_to_now()
    fresh = History(history.team, history.clock)
    note(f"steps: {steps}")
    fresh.play([*OPENING, *steps])
    ASKED.update(fresh.did)
    return fresh


@SPEED
@given(steps=HISTORIES, data=st.data())
def test_the_gate_serves_what_the_domain_says_now_and_at_any_instant(history, steps, data):
    assert django_settings.KB["review_grace_days"] == GRACE.days
    with transaction.atomic():
        fresh = lived(history, steps)
        moments = [at for at, _served in fresh.seen]
        for _ in range(3):
            at = data.draw(st.sampled_from(moments), label="as of")
            known = data.draw(st.none() | st.sampled_from(moments), label="known at")
            fresh.compare_past(at, known)
        transaction.set_rollback(True)
