"""The steps of the starter's story, each one ordinary action of the person who took it.

Decides how a verb of `kb/starter/story.yaml` (its header explains them) becomes a call, and which
day a relative date means. Called by `starting`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kb import gate
from kb.actions import drafting, holding, publishing, reviewing
from kb.actions.importing import reading, run
from kb.actions.importing.reading import Given, Raw, Refusal
from kb.actions.importing.records import Reading, Record, read_record
from kb.actions.importing.run import Request
from kb.actions.work import Actor
from kb.conf import settings
from kb.errors import Invalid
from kb.inference.encoder import Encoder
from kb.models import Article, Hold, Passage, Person, Version
from policies.importing import DEFAULT_OWNER

SOURCE = "starter"
_RELATIVE = re.compile(r"[+-][0-9]{1,5}d")

Step = Mapping[str, Any]


@dataclass(frozen=True)
class Teller:
    """Takes the steps. Days in the texts are relative to `today`, the day of loading."""

    folder: Path
    today: date
    encoder: Encoder | None

    def take(self, step: Step) -> None:
        """Take one step. Raises what its action raises, or Invalid for a text that isn't right."""
        match step["do"]:
            case "import":
                self._import(step)
            case "write":
                self._write(step)
            case "submit":
                drafting.submit_version(actor=_by(step), version_id=_newest(step, "draft").pk)
            case "approve" | "return":
                _decide(step)
            case "retire":
                version = _in_effect(step)
                publishing.retire_version(actor=_by(step), version_id=version.pk, why=step["note"])
            case "hold" | "lift":
                _hold(step)
            case verb:
                raise Invalid({"do": f"the story knows no {verb!r}"})

    def _import(self, step: Step) -> None:
        run.import_articles(
            Given(name="starter", records=[self._raw(name) for name in step["files"]]),
            Request(
                author=step["by"],
                approvers=(step["approver"],),
                source=SOURCE,
                note=step["note"],
                operator="load_starter",
            ),
            encoder=self.encoder,
        )

    def _write(self, step: Step) -> None:
        record = self._record(step["file"])
        content = replace(record.content, change_note=step["note"])
        article = Article.objects.filter(source=SOURCE, external_id=step["article"]).first()
        if article is not None:
            draft = drafting.open_draft(
                actor=_by(step), article_id=article.pk, language=record.language
            )
        else:
            # An address is made from the first title; this story's addresses are the ids.
            draft = drafting.create_article(
                actor=_by(step),
                content=replace(content, title=record.external_id),
                owner_group=record.owner or DEFAULT_OWNER,
                journey=record.journey or "",
                language=record.language,
                source=SOURCE,
                external_id=record.external_id,
                review_every_days=record.review_every_days,
            )
        drafting.save_draft(
            actor=_by(step), version_id=draft.pk, edits=draft.edits, content=content
        )

    def _record(self, name: str) -> Record:
        raw = self._raw(name)
        using = settings()
        reading = Reading(zone=using.zone, default_language=using.default_language)
        read = [raw] if isinstance(raw, Refusal) else read_record(raw, reading=reading)
        if not isinstance(read, Record):
            raise Invalid({"file": str(read[0])})
        return read

    def _raw(self, name: str) -> Raw | Refusal:
        """Read a text, with the days it names as days of the calendar."""
        raw = reading.read_markdown(self.folder / name, name)
        if isinstance(raw, Refusal):
            return raw
        fields = {key: self._dated(value) for key, value in raw.fields.items() if key != "body"}
        fields["facts"] = [
            {key: self._dated(value) for key, value in fact.items()}
            for fact in raw.fields.get("facts", [])
        ]
        return replace(raw, fields={**fields, "body": raw.fields["body"]})

    def _dated(self, value: object) -> object:
        if isinstance(value, str) and _RELATIVE.fullmatch(value):
            return (self.today + timedelta(days=int(value[:-1]))).isoformat()
        return value


def _by(step: Step) -> Actor:
    return Actor.of(Person.objects.get(username=step["by"]))


def _newest(step: Step, state: str) -> Version:
    """Return the article's newest version in a state; the story writes English ones."""
    versions = Version.objects.filter(
        article__source=SOURCE, article__external_id=step["article"], language="en", state=state
    )
    return versions.order_by("-pk")[:1].get()


def _in_effect(step: Step) -> Version:
    now = gate.clock()
    versions = Version.objects.filter(
        article__source=SOURCE,
        article__external_id=step["article"],
        language="en",
        state="published",
        period__starts_at__lte=now,
    ).exclude(period__ends_at__lte=now)
    return versions.get()


def _decide(step: Step) -> None:
    version = _newest(step, "in_review")
    if step["do"] == "return":
        reviewing.return_version(
            actor=_by(step),
            version_id=version.pk,
            digest=version.digest or "",
            comment=step["note"],
        )
        return
    reviewing.approve_version(
        actor=_by(step),
        version_id=version.pk,
        digest=version.digest or "",
        signature=reviewing.Signature(method="password", authenticated_at=gate.clock()),
        comment=step.get("note", ""),
    )


def _hold(step: Step) -> None:
    version = _in_effect(step)
    digests: list[str] = []
    if step.get("heading"):
        passages = Passage.objects.filter(version=version)
        digests = [one.digest for one in passages if one.headings[-1:] == [step["heading"]]]
        if not digests:
            raise Invalid({"heading": f"{step['article']} has no {step['heading']!r}"})
    if step["do"] == "hold":
        targets = [("passage", digest) for digest in digests]
        for kind, target in targets or [("article", version.article.slug)]:
            holding.place_hold(actor=_by(step), kind=kind, target=target, reason=step["note"])
        return
    holds = Hold.objects.filter(lifted_at=None)
    holds = (
        holds.filter(passage_digest__in=digests)
        if digests
        else holds.filter(article=version.article_id)
    )
    for hold in holds:
        holding.lift_hold(actor=_by(step), hold_id=hold.pk, reason=step["note"])
