"""Days, times, addresses and the order of publication, as the import reads them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import importing

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_bare_date_is_local_midnight():
    begins = importing.instant("2026-07-01", zone=BERLIN, ends=False)
    assert begins == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_a_bare_end_includes_its_day():
    ends = importing.instant("2026-03-28", zone=BERLIN, ends=True)
    assert ends == datetime(2026, 3, 28, 23, tzinfo=UTC)
    # The day on which the clocks change has 23 hours.
    assert importing.instant("2026-03-29", zone=BERLIN, ends=True) - ends == timedelta(hours=23)


@given(st.dates(date(1900, 1, 1), date(8999, 12, 31)))
def test_a_date_reads_the_same_from_text_and_from_yaml(day: date):
    for ends in (True, False):
        assert importing.instant(day, zone=BERLIN, ends=ends) == importing.instant(
            day.isoformat(), zone=BERLIN, ends=ends
        )


@given(st.datetimes(datetime(1900, 1, 2), datetime(8999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_survives_being_written(moment: datetime):
    assert importing.instant(moment.isoformat(), zone=BERLIN, ends=True) == moment


def test_an_instant_keeps_its_own_offset():
    read = importing.instant("2026-03-31T12:00:00+05:30", zone=BERLIN, ends=True)
    assert read == datetime(2026, 3, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert importing.instant("2026-03-31t12:00z", zone=BERLIN, ends=False).hour == 12


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2026-02-30", "isn't a date of the calendar"),
        ("31.03.2026", "isn't a date; write it as"),
        ("20260331", "isn't a date; write it as"),
        ("2026-W12-1", "isn't a date; write it as"),
        ("2026-03-31T12:00:00", "no time zone"),
        ("2026-03-31T25:00:00Z", "isn't a date of the calendar"),
        (datetime(2026, 3, 31), "no time zone"),  # noqa: DTZ001
        ("9999-12-31", "isn't between 1900 and 9000"),
        ("0001-01-01", "isn't between"),
        (20260331, "isn't a date"),
        (True, "isn't a date"),
        ("x" * 1000, "isn't a date"),
    ],
)
def test_what_is_no_date_is_refused_with_the_way_to_write_it(value: object, why: str):
    with pytest.raises(ValueError, match=re.escape(why)) as refusal:
        importing.instant(value, zone=BERLIN, ends=False)
    assert len(str(refusal.value)) < 200


def test_silence_makes_a_policy_only_of_what_carries_facts():
    assert importing.kind_of(None, has_facts=True) == "policy"
    assert importing.kind_of(None, has_facts=False) == "resolution"
    assert importing.kind_of("resolution", has_facts=True) == "resolution"


@pytest.mark.parametrize("external_id", ["returns-policy", "bereavement", "a1-faq"])
def test_an_id_that_reads_like_words_is_the_address(external_id: str):
    assert importing.slug_of_id(external_id) == external_id


@pytest.mark.parametrize(
    "external_id", ["s0", "doc_001", "a/b.md", "Returns", "-a-", "abc--d", "1234", "abc" * 40]
)
def test_another_id_is_no_address(external_id: str):
    assert importing.slug_of_id(external_id) is None


def test_what_renders_a_fact_is_published_after_what_carries_it():
    order = importing.publication_order({"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": set()})
    assert order.index("c") < order.index("b") < order.index("a")
    assert set(order) == {"a", "b", "c", "d"}


def test_texts_that_render_each_others_facts_are_named():
    with pytest.raises(importing.CircleError) as circle:
        importing.publication_order({"a": {"b"}, "b": {"a"}, "c": set()})
    assert set(circle.value.nodes) == {"a", "b"}
