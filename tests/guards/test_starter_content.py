"""The starter content is whole: texts parse, facts resolve, the story shows every special case.

Checks files only, without a database: what the loader will meet on a newcomer's first start must
be right before. The story is played here on the rules of `policies`, not on the loader's code.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from kb.text import markdown, passages
from policies import approval, audience, facts, lifecycle, scope
from policies.lifecycle import Move, State

STARTER = Path(__file__).parents[2] / "kb" / "starter"
STORY: dict[str, Any] = yaml.safe_load((STARTER / "story.yaml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = STORY["steps"]

REQUIRED = {"id", "title", "kind", "audience", "journey", "language", "owner"}
OPTIONAL = {"scope", "facts", "risk", "effective_from", "effective_until", "review_every_days"}
FACT_KEYS = {"key", "type", "comparator", "value", "unit", "scope"}
VERB_KEYS = {
    "import": {"files", "approver"},
    "write": {"article", "file"},
    "submit": {"article"},
    "approve": {"article"},
    "return": {"article"},
    "retire": {"article"},
    "hold": {"article", "heading"},
    "lift": {"article", "heading"},
}
RELATIVE_DAY = re.compile(r"[+-]\d+d")
REFERENCE = re.compile(rf"\{{\{{\s*fact\s+({facts.KEY_PATTERN.pattern})\s*\}}\}}")
LINK = re.compile(r"\]\(/a/([a-z0-9-]+)\)")
ENDED_FACT = "birthday.return_by"
LOADING_GRACE_DAYS = 30


@dataclass(frozen=True)
class Text:
    """One file of articles/."""

    file: str
    meta: dict[str, Any]
    body: str

    @property
    def id(self) -> str:
        return str(self.meta["id"])

    @property
    def scope(self) -> dict[str, str]:
        return scope.normalise(self.meta.get("scope"))

    @property
    def references(self) -> set[str]:
        return set(REFERENCE.findall(self.body))


def _read(path: Path) -> Text:
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return Text(f"articles/{path.name}", yaml.safe_load(front), body)


TEXTS = {text.file: text for text in map(_read, sorted((STARTER / "articles").glob("*.md")))}
FIRST = {text.id: text for text in TEXTS.values() if text.file == f"articles/{text.id}.md"}
QUESTIONS = [
    json.loads(line)
    for line in (STARTER / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]


def _terms(text: Text) -> list[facts.FactTerms]:
    terms = []
    for raw in text.meta.get("facts", []):
        type = facts.FactType(raw["type"])
        value = "2026-03-03" if RELATIVE_DAY.fullmatch(str(raw["value"])) else raw["value"]
        canonical = facts.parse_value(type, value, raw.get("unit"))
        comparator = facts.parse_comparator(type, raw.get("comparator"))
        own = scope.normalise(raw.get("scope"))
        terms.append(
            facts.FactTerms(raw["key"], type, comparator, canonical.value, canonical.unit, own)
        )
    return terms


FACTS = [term for text in TEXTS.values() for term in _terms(text)]


def _rendered(text: Text) -> str:
    def words(match: re.Match[str]) -> str:
        revisions = [term for term in FACTS if term.key == match[1]]
        governing = facts.governing(revisions, text.scope)
        assert governing is not None, f"{text.file}: no fact {match[1]} governs {text.scope}"
        return governing.says()

    return REFERENCE.sub(words, text.body)


@dataclass
class Version:
    """A version as the story leaves it."""

    text: Text
    author: str
    state: State = State.draft
    approvals: list[str] = field(default_factory=list)
    published_on: int | None = None
    note: str = ""


@dataclass
class Outcome:
    """What the steps lead to: versions by article and language in order, and open holds."""

    versions: dict[tuple[str, str], list[Version]] = field(default_factory=dict)
    holds: set[tuple[str, str | None]] = field(default_factory=set)
    lifted: int = 0

    def latest(self, article: str) -> Version:
        return self.versions[article, "en"][-1]

    def states(self, article: str) -> list[State]:
        return [version.state for version in self.versions[article, "en"]]

    def in_force(self) -> dict[tuple[str, str], Version]:
        held = {}
        for key, versions in self.versions.items():
            for version in versions:
                if version.state == State.published and _day(version, "effective_from") <= 0:
                    held[key] = version
        return {key: v for key, v in held.items() if _day(v, "effective_until", 1) >= 0}


def _day(version: Version, field_name: str, default: int = 0) -> int:
    value = version.text.meta.get(field_name)
    return default if value is None else int(value.removesuffix("d"))


def _play() -> Outcome:
    outcome = Outcome()
    for step in STEPS:
        match step["do"]:
            case "import":
                assert step["approver"] != step["by"]
                for name in step["files"]:
                    text = TEXTS[name]
                    assert text.meta.get("risk", "normal") == "normal", f"{name}: write it instead"
                    version = Version(text, step["by"], State.published, [step["approver"]])
                    version.published_on = step["day"]
                    key = (text.id, text.meta["language"])
                    outcome.versions.setdefault(key, []).append(version)
            case "write":
                text = TEXTS[step["file"]]
                assert text.id == step["article"]
                versions = outcome.versions.setdefault((text.id, text.meta["language"]), [])
                versions.append(Version(text, step["by"], note=step["note"]))
            case "hold":
                outcome.holds.add((step["article"], step.get("heading")))
            case "lift":
                assert step["note"]
                outcome.holds.remove((step["article"], step.get("heading")))
                outcome.lifted += 1
            case _:
                _decide(outcome.latest(step["article"]), step)
    return outcome


def _decide(version: Version, step: dict[str, Any]) -> None:
    if step["do"] != "approve":
        version.state = lifecycle.next_state(version.state, Move(step["do"]))
        version.note = step.get("note", "")
        return
    assert version.state == State.in_review
    assert step["by"] not in {version.author, *version.approvals}, "four eyes"
    version.approvals.append(step["by"])
    needed = approval.approvals_needed(
        version.text.meta["kind"], version.text.meta.get("risk", "normal")
    )
    if approval.publishes(approvals=len(version.approvals), needed=needed):
        version.state = lifecycle.next_state(version.state, Move.publish)
        version.published_on = step["day"]


OUTCOME = _play()


@pytest.mark.parametrize("text", TEXTS.values(), ids=lambda text: text.file)
def test_a_text_has_the_front_matter_of_an_import(text: Text) -> None:
    meta = text.meta
    assert REQUIRED <= meta.keys() <= REQUIRED | OPTIONAL
    assert text.file.startswith(f"articles/{text.id}.")
    assert meta["kind"] in set(approval.Kind)
    assert meta.get("risk", "normal") in set(approval.Risk)
    audience.parse(meta["audience"])
    assert meta["owner"] in STORY["groups"]
    assert all(isinstance(v, str) for v in meta.get("scope", {}).values())
    for name in ("effective_from", "effective_until"):
        assert RELATIVE_DAY.fullmatch(meta.get(name, "+0d"))


@pytest.mark.parametrize("text", TEXTS.values(), ids=lambda text: text.file)
def test_a_text_is_a_readable_page(text: Text) -> None:
    assert 120 <= len(markdown.plain_text(text.body).split()) <= 450
    assert markdown.dangerous(text.body) is None
    assert not re.search(r"lorem|\bTBD\b|\bTBC\b|\bTODO\b|\[\s*\.\.\.", text.body, re.IGNORECASE)
    parts = passages.split(
        title=text.meta["title"], body=_rendered(text), audience=text.meta["audience"]
    )
    assert parts
    assert not any(part.placeholder or "{" in part.text for part in parts)
    assert set(LINK.findall(text.body)) <= FIRST.keys()


@pytest.mark.parametrize("text", TEXTS.values(), ids=lambda text: text.file)
def test_a_fact_is_well_formed_and_stands_in_a_policy(text: Text) -> None:
    for raw in text.meta.get("facts", []):
        assert raw.keys() <= FACT_KEYS
        assert facts.valid_key(raw["key"])
        assert text.meta["kind"] == "policy"
    assert len(_terms(text)) == len(text.meta.get("facts", []))


def test_no_two_facts_conflict() -> None:
    for place, one in enumerate(FACTS):
        for other in FACTS[place + 1 :]:
            assert facts.conflict(one, other) is None


def test_every_reference_is_to_a_fact_of_a_policy_in_force_but_one_that_ended() -> None:
    carried = {t.key for v in OUTCOME.in_force().values() for t in _terms(v.text)}
    carriers = {text.id for text in TEXTS.values() if text.meta.get("facts")}
    for text in TEXTS.values():
        missing = text.references - carried
        if text.id == "birthday-returns-policy":
            continue
        assert missing == ({ENDED_FACT} if text.id == "unwanted-gift" else set()), text.file
    in_force = {
        v.text.id for v in OUTCOME.in_force().values() if "refund.window" in v.text.references
    }
    assert len(in_force - carriers) >= 5


def test_facts_are_of_many_types_with_a_default_and_its_exception() -> None:
    assert {term.type for term in FACTS} >= set(facts.FactType) - {facts.FactType.text}
    window = [term for term in FACTS if term.key == "refund.window"]
    assert sorted(len(term.scope) for term in window) == [0, 1]
    assert 10 <= len({term.key for term in FACTS}) <= 16


def test_the_story_uses_its_verbs_its_people_and_every_text_once() -> None:
    days = [step["day"] for step in STEPS]
    assert days == sorted(days)
    assert days[-1] <= 0
    for step in STEPS:
        assert step.keys() <= {"day", "do", "by", "note"} | VERB_KEYS[step["do"]]
        assert {step["by"], step.get("approver", step["by"])} <= STORY["people"].keys()
        if step["do"] in {"return", "retire", "hold", "lift"}:
            assert len(step["note"]) > 20
    used = Counter(name for step in STEPS for name in step.get("files", [step.get("file")]) if name)
    assert used == Counter(TEXTS.keys())


def test_there_are_about_forty_articles_of_all_audiences() -> None:
    assert 38 <= len(FIRST) <= 50
    audiences = Counter(text.meta["audience"] for text in FIRST.values())
    assert audiences["internal"] == 1
    assert 5 <= audiences["agent"] <= 6
    marked = [t for t in FIRST.values() if "{audience=agent}" in t.body]
    assert len(marked) >= 5
    assert {"policy", "resolution"} == {text.meta["kind"] for text in FIRST.values()}


def test_the_story_leaves_one_version_in_each_special_state() -> None:
    assert OUTCOME.latest("spare-parts").state == State.draft
    waiting = OUTCOME.latest("financial-difficulty-policy")
    assert (waiting.state, len(waiting.approvals)) == (State.in_review, 1)
    returned = OUTCOME.latest("gift-cards-policy")
    assert returned.state == State.returned
    assert len(returned.note) > 80
    assert OUTCOME.states("price-match-policy") == [State.published] * 3
    assert OUTCOME.latest("order-not-mine").approvals == ["approver", "second_approver"]
    assert OUTCOME.latest("doorstep-return-collection").state == State.retired
    assert OUTCOME.latest("recycling-policy").state == State.published
    assert _day(OUTCOME.latest("recycling-policy"), "effective_from") == 21
    birthday = OUTCOME.latest("birthday-returns-policy")
    assert _day(birthday, "effective_until", 1) < 0
    assert ("returns-policy-eu", "de") in OUTCOME.in_force()


def test_holds_stand_on_an_article_and_on_a_passage_and_one_was_lifted() -> None:
    assert OUTCOME.holds == {
        ("descale-coffee-machine", None),
        ("delivery-abroad", "Switzerland and Norway"),
    }
    assert OUTCOME.lifted == 1
    for article, heading in OUTCOME.holds:
        text = FIRST[article]
        parts = passages.split(title=text.meta["title"], body=_rendered(text), audience="public")
        assert heading is None or any(part.headings[-1:] == (heading,) for part in parts)


def test_reviews_are_overdue_once_and_due_soon_once() -> None:
    left = {}
    for (article, _), version in OUTCOME.in_force().items():
        cycle = version.text.meta.get("review_every_days")
        if cycle is not None and version.published_on is not None:
            left[article] = version.published_on + cycle
    overdue = [article for article, days in left.items() if days < -LOADING_GRACE_DAYS]
    soon = [article for article, days in left.items() if -LOADING_GRACE_DAYS <= days <= 30]
    assert overdue == ["business-orders-policy"]
    assert soon == ["change-delivery"]


def test_what_findings_are_made_of_is_in_force() -> None:
    in_force = {
        article: v.text.body for (article, lang), v in OUTCOME.in_force().items() if lang == "en"
    }
    assert "five working days" in in_force["delivery-policy"]
    assert "ten working days" in in_force["parcel-not-arrived"]
    assert {"change-email", "update-login-address"} <= in_force.keys()
    assert "until 31 March 2024" in in_force["harrogate-shop-closed"]
    gone = {a for a, _ in OUTCOME.versions} - in_force.keys()
    dead = {
        (a, link) for a, body in in_force.items() for link in LINK.findall(body) if link in gone
    }
    assert dead == {("accessibility-help", "doorstep-return-collection")}


def test_the_questions_name_articles_and_quote_what_these_say() -> None:
    ids = [question["id"] for question in QUESTIONS]
    assert len(ids) == len(set(ids)) >= 60
    in_force = OUTCOME.in_force()
    for question in QUESTIONS:
        assert question.keys() == {"id", "query", "relevant", "key_facts", "kind"}
        said = " ".join(
            passages.page(
                title="", body=_rendered(version.text), audience="public", reader="internal"
            )
            for (article, _), version in in_force.items()
            if article in question["relevant"]
        )
        assert set(question["relevant"]) <= {article for article, _ in in_force}
        for fact in question["key_facts"]:
            assert fact.casefold() in said.casefold(), (question["id"], fact)
        assert bool(question["relevant"]) == (
            question["kind"] in {"answerable", "internal_only", "clarify"}
        )


def test_the_questions_are_of_every_kind_and_agents_answers_are_hidden_from_the_public() -> None:
    kinds = Counter(question["kind"] for question in QUESTIONS)
    assert kinds["unanswerable"] >= 15
    assert kinds["internal_only"] >= 6
    assert kinds["clarify"] >= 3
    public = " ".join(
        passages.page(
            title=version.text.meta["title"],
            body=_rendered(version.text),
            audience=version.text.meta["audience"],
            reader="public",
        )
        for version in OUTCOME.in_force().values()
    )
    for question in QUESTIONS:
        if question["kind"] == "internal_only" and len(question["key_facts"][0]) > 8:
            assert question["key_facts"][0] not in public
    assert STORY["first_question"]
