"""Imports as an operator would do them: records given, everybody named."""

from __future__ import annotations

from typing import Any

import pytest

from kb.actions.importing import run
from kb.actions.importing.reading import Given, Place, Raw
from kb.actions.importing.run import ImportRefused, Report, Request
from kb.models import Article, Person, Version
from tests import stories

SOURCE = "handbook"


def team() -> None:
    """An author and two approvers."""
    stories.staff()


def record(name: str, **fields: Any) -> dict[str, Any]:
    """A small public record; override what the story is about."""
    words = {"title": f"About {name}", "body": f"All there is to say of {name}."}
    return {"id": name, "audience": "public", **words, **fields}


def fact(key: str = "refund.window", value: object = 30, **more: Any) -> dict[str, Any]:
    """A duration in days, by default."""
    return {"key": key, "type": "duration", "value": value, "unit": "days", **more}


def given(*records: dict[str, Any]) -> Given:
    """Records as the lines of a file."""
    return Given("a.jsonl", [Raw(Place("a.jsonl", at), r) for at, r in enumerate(records, 1)])


def bring(
    *records: dict[str, Any], approvers: tuple[str, ...] = ("approver",), **how: Any
) -> Report:
    """Import the records, attested unless `approvers` says otherwise."""
    request = Request(**{"author": "editor", "approvers": approvers, "source": SOURCE, **how})
    return run.import_articles(given(*records), request)


def refused(*records: dict[str, Any], **how: Any) -> dict[tuple[int, str], str]:
    """Import records that are refused; return the reasons by line and field."""
    with pytest.raises(ImportRefused) as error:
        bring(*records, **how)
    return {(one.place.line, one.field): one.reason for one in error.value.refusals}


def article(name: str) -> Article:
    """The article of a record."""
    return Article.objects.get(source=SOURCE, external_id=name)


def versions(name: str, language: str = "en") -> list[Version]:
    """The versions of a record's text, oldest first."""
    rows = Version.objects.filter(article=article(name), language=language)
    return list(rows.order_by("pk"))


def edit(name: str, **changes: object) -> Version:
    """Somebody edits a text here, and it is approved."""
    people = {p.username: p for p in Person.objects.all()}
    latest = versions(name)[-1]
    return stories.approve(stories.successor(people, latest, **changes), people["approver"])
