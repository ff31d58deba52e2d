"""Until when an answer may be repeated."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.validity import valid_until

SERVED = datetime(2026, 3, 3, 12, tzinfo=UTC)
TTL = timedelta(seconds=300)


def after(seconds):
    return SERVED + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([], 300),
        ([None], 300),
        ([after(600)], 300),
        ([after(60)], 60),
        ([after(120), None, after(60)], 60),
        ([after(-60)], 300),
        ([SERVED], 300),
    ],
)
def test_an_answer_is_valid_until_the_first_change_that_is_known(moments, expected):
    assert valid_until(served_at=SERVED, ttl=TTL, moments=moments) == after(expected)


@given(st.lists(st.none() | st.integers(-500, 500).map(after)))
def test_no_known_change_lies_between_serving_and_the_end(moments):
    end = valid_until(served_at=SERVED, ttl=TTL, moments=moments)
    assert SERVED < end <= SERVED + TTL
    assert not any(moment is not None and SERVED < moment < end for moment in moments)


def test_without_a_time_to_live_an_answer_ends_as_it_is_given():
    assert valid_until(served_at=SERVED, ttl=timedelta(0), moments=[after(60)]) == SERVED


def test_a_negative_time_to_live_is_refused():
    with pytest.raises(ValueError, match="ttl: "):
        valid_until(served_at=SERVED, ttl=timedelta(seconds=-1), moments=[])
