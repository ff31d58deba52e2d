"""An export is an import of the same content: what governs, and all that is held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb import gate
from kb.actions import drafting, exporting, holding
from kb.actions.importing.records import content_digest
from kb.actions.work import Actor
from kb.errors import Conflict
from kb.models import Person, Version
from tests.kb.actions.importing_stories import (
    SOURCE,
    article,
    bring,
    fact,
    record,
    team,
    versions,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(db: None) -> None:
    team()


def exported(**how: Any) -> list[dict[str, Any]]:
    return [one.fields for one in exporting.export_articles(exporting.choose_texts(**how))]


def digests() -> dict[tuple[str, str], str]:
    rows = Version.objects.filter(state="published").order_by("pk").select_related("article")
    return {
        (v.article.external_id, v.language): content_digest(drafting.content_of(v)) for v in rows
    }


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_a_record_comes_back_as_it_was_given():
    given_ = record(
        "returns", kind="policy", journey="Returns", language="de", owner="Desk",
        scope={"region": "eu"}, effective_from="2020-01-01T00:00:00Z", review_every_days=900,
        effective_until="2090-01-01T00:00:00Z", reviewed_at="2024-05-01T00:00:00+00:00",
    )  # fmt: skip
    bring(given_)
    assert exported() == [given_]


def test_the_latest_review_date_goes_with_the_text():
    bring(record("a", reviewed_at="2024-05-01"))
    bring(record("a", reviewed_at="2025-06-01"))
    assert exported()[0]["reviewed_at"] == "2025-06-01T00:00:00+00:00"


def test_what_is_not_served_is_exported_only_when_all_is_asked():
    later = (gate.clock() + timedelta(days=9)).isoformat()
    bring(record("a"), record("held"), record("headings", body="# Only\n\n## Headings"))
    bring(record("planned", effective_from=later), source=SOURCE)
    bring(record("drafted"), approvers=())
    editor = Actor.of(Person.objects.get(username="editor"))
    holding.place_hold(actor=editor, kind="article", target=article("held").slug, reason="wrong")
    assert [one["id"] for one in exported()] == ["a"]
    assert exporting.count_unserved(exporting.choose_texts()) == 2
    everything = [one["id"] for one in exported(everything=True)]
    assert everything == ["a", "drafted", "headings", "held", "planned"]


def test_what_governs_is_exported_rather_than_what_is_being_written():
    bring(record("a"))
    editor = Actor.of(Person.objects.get(username="editor"))
    drafting.open_draft(actor=editor, article_id=article("a").pk)
    (one,) = exported(everything=True)
    assert one["body"] == versions("a")[0].body


def test_one_source_is_exported_alone():
    bring(record("a"))
    bring(record("b"), source="other")
    assert [one["id"] for one in exported(source="other")] == ["b"]
    bring(record("a"), source="other")
    with pytest.raises(Conflict, match="export one with --source"):
        exported()


_WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="{}<>&\\[]"), min_size=1
).filter(lambda text: text.strip())
_FACTS = st.lists(
    st.sampled_from(
        [
            fact("a.window", 30),
            fact("a.share", "2.50", type="percentage", unit="%", comparator="at most"),
            fact("a.price", "3.5", type="money", unit="GBP", effective_until="2090-01-01"),
            fact("a.answer", True, type="boolean", unit=None),
            fact("a.day", "2026-03-03", type="date", unit=None, scope={"region": "EU"}),
            fact("a.words", "as you like", type="text", unit=None),
        ]
    ),
    max_size=4,
    unique_by=lambda one: one["key"],
)
_RECORDS = st.fixed_dictionaries(
    {"title": _WORDS, "body": _WORDS.map(lambda words: f"Say: {words}.")},
    optional={
        "audience": st.sampled_from(["public", "agent", "internal"]),
        "scope": st.dictionaries(st.sampled_from(["region", "product"]), st.just("Äb"), max_size=2),
        "effective_from": st.sampled_from(["2020-02-29", "2020-02-29T10:00:00+05:30"]),
        "effective_until": st.just("2090-01-01"),
        "journey": st.just("Returns"),
        "facts": _FACTS,
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_RECORDS, min_size=1, max_size=3))
def test_an_export_gives_the_same_content_in_an_empty_database(records: list[dict[str, Any]]):
    with undone():
        facts = [one.pop("facts", []) for one in records]
        # Facts of one file must not contradict each other: the first record carries them.
        named = [{"id": f"text-{at}", **one} for at, one in enumerate(records)]
        first = {**named[0], "facts": facts[0]} if facts[0] else named[0]
        with undone():
            bring(first, *named[1:])
            before, written = digests(), exported()
        assert not Version.objects.exists()
        assert len(written) == len(records)
        bring(*written)
        assert digests() == before
        assert bring(*written).counts["unchanged"] == len(records)
