"""Values of facts: read into one spelling, compared exactly, shown in words."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.currencies import MINOR_DIGITS
from policies.facts import (
    CanonicalValue,
    Comparator,
    FactType,
    display,
    parse_comparator,
    parse_value,
    same_value,
)

READ = [
    # type, value, unit, canonical value, canonical unit
    ("duration", 30, "days", "30", "day"),
    ("duration", "30 days", None, "30", "day"),
    ("duration", "1", "Hour", "1", "hour"),
    ("duration", 1.5, "hrs", "1.5", "hour"),
    ("duration", "5", "business_days", "5", "business day"),
    ("duration", "5 working days", None, "5", "business day"),
    ("duration", "0", "minutes", "0", "minute"),
    ("money", "£1,200.00", None, "1200", "GBP"),
    ("money", "1,200.50", "gbp", "1200.5", "GBP"),
    ("money", Decimal("19.990"), "EUR", "19.99", "EUR"),
    ("money", "12 €", None, "12", "EUR"),
    ("money", "$5", "CAD", "5", "CAD"),
    ("money", "¥500", "JPY", "500", "JPY"),
    ("money", "-5", "USD", "-5", "USD"),
    ("money", "-£5", None, "-5", "GBP"),
    ("money", "\u22125", "USD", "-5", "USD"),
    ("money", "-0.00", "USD", "0", "USD"),
    ("percentage", "2.50%", None, "2.5", "%"),
    ("percentage", 2.5, None, "2.5", "%"),
    ("percentage", "2.5", "per cent", "2.5", "%"),
    ("quantity", "5 items", None, "5", "items"),
    ("quantity", 3, None, "3", None),
    ("quantity", "0010", "GB", "10", "GB"),
    ("quantity", 1e-06, None, "0.000001", None),
    ("boolean", True, None, "true", None),
    ("boolean", " No ", None, "false", None),
    ("date", "2026-03-03", None, "2026-03-03", None),
    ("date", date(2026, 3, 3), None, "2026-03-03", None),
    ("text", "  in \n writing ", None, "in writing", None),
    ("choice", "Gold", "", "Gold", None),
]

REFUSED = [
    ("duration", "30", None, "unit: is missing; write one of minute"),
    ("duration", "30 fortnights", None, "unit: 'fortnights' isn't a unit of time"),
    ("duration", "-3", "days", "value: a duration can't be negative"),
    ("duration", "30 days", "weeks", "unit: is 'weeks' but the value says 'days'"),
    ("duration", True, "days", "value: True isn't a number"),
    ("duration", None, "days", "value: None isn't a number"),
    ("duration", "thirty", "days", "value: 'thirty' isn't a number"),
    ("duration", "£3", "days", "value: '£' doesn't belong to a duration"),
    ("money", "5", None, "unit: is missing; write an ISO 4217 code"),
    ("money", "5", "pounds", "unit: 'pounds' isn't a currency"),
    ("money", "$5", None, "unit: .* can be several currencies"),
    ("money", "£5", "USD", "unit: is 'USD' but the value says '£'"),
    ("money", "~5", "USD", "value: '~' doesn't belong to money"),
    ("money", "1.200,00", "EUR", "value: .* isn't a number; write digits with a point"),
    ("money", "12,00", "EUR", "value: .* isn't a number"),
    ("money", "1e5", "EUR", "unit: is 'EUR' but the value says 'e5'"),
    ("money", float("nan"), "EUR", "value: isn't a number that can be written out"),
    ("money", float("inf"), "EUR", "value: isn't a number that can be written out"),
    ("money", Decimal("1e400"), "EUR", "value: isn't a number that can be written out"),
    ("money", Decimal("sNaN"), "EUR", "value: isn't a number that can be written out"),
    ("money", 10**400, "EUR", "value: has more than 20 digits"),
    ("money", "9" * 21, "EUR", "value: has more than 20 digits"),
    ("money", "9" * 600, "EUR", "value: is too long for a number"),
    ("percentage", "2.5", "points", "unit: 'points' isn't %"),
    ("quantity", "5", "x" * 31, "unit: is longer than 30 characters"),
    ("quantity", "5 " + "x" * 31, None, "unit: is longer than 30 characters"),
    ("quantity", "5", "a\x00b", "unit: "),
    ("boolean", 1, None, "value: 1 is neither yes nor no"),
    ("boolean", "maybe", None, "value: 'maybe' is neither yes nor no"),
    ("boolean", True, "days", "unit: a boolean has none"),
    ("date", "3/3/2026", None, "value: .* isn't a date; write it as YYYY-MM-DD"),
    ("date", "20260303", None, "value: .* isn't a date; write it as YYYY-MM-DD"),
    ("date", "2026-02-30", None, "value: '2026-02-30' isn't a day of the calendar"),
    ("date", datetime(2026, 3, 3, tzinfo=UTC), None, "value: .* isn't a date"),
    ("text", " ", None, "value: is empty"),
    ("text", 7, None, "value: 7 isn't text"),
    ("text", "x" * 501, None, "value: is longer than 500 characters"),
    ("text", "a\x00b", None, "value: has a control character"),
    ("text", "see {{ fact a.b }}", None, "value: the text of a fact can't refer to other facts"),
]


@pytest.mark.parametrize(("type", "value", "unit", "text", "canonical_unit"), READ)
def test_a_value_is_read_into_its_one_spelling(type, value, unit, text, canonical_unit):
    assert parse_value(FactType(type), value, unit) == CanonicalValue(
        type=FactType(type), value=text, unit=canonical_unit
    )


@pytest.mark.parametrize(("type", "value", "unit", "says"), REFUSED)
def test_a_bad_value_is_refused_by_field_with_the_way_to_mend_it(type, value, unit, says):
    with pytest.raises(ValueError, match=says):
        parse_value(FactType(type), value, unit)


@pytest.mark.parametrize(("type", "value", "unit", "text", "canonical_unit"), READ)
def test_the_canonical_spelling_reads_back_as_itself(type, value, unit, text, canonical_unit):
    once = parse_value(FactType(type), value, unit)
    assert parse_value(FactType(type), once.value, once.unit) == once


SAME = [
    ("duration", "2 weeks", "14 days", True),
    ("duration", "1 day", "24 hours", True),
    ("duration", "1.5 hours", "90 minutes", True),
    ("duration", "1 year", "12 months", True),
    ("duration", "1 month", "30 days", False),
    ("duration", "5 business days", "5 days", False),
    ("duration", "30 days", "14 days", False),
    ("money", "£10", "10.00 GBP", True),
    ("money", "£10", "10 USD", False),
    ("percentage", "2.5%", "2.50", True),
    ("quantity", "1 item", "1 Items", True),
    ("quantity", "1 GB", "1 MB", False),
    ("quantity", "1 m", "1 ms", False),
    ("boolean", "yes", "true", True),
    ("boolean", "yes", "no", False),
    ("date", "2026-03-03", "2026-03-04", False),
    ("text", "In writing", "in  writing", True),
    ("choice", "gold", "silver", False),
]


@pytest.mark.parametrize(("type", "a", "b", "expected"), SAME)
def test_values_are_the_same_only_after_exact_conversion(type, a, b, expected):
    first, second = parse_value(FactType(type), a), parse_value(FactType(type), b)
    assert same_value(first, second) is same_value(second, first) is expected


def test_values_of_different_types_are_never_the_same():
    assert not same_value(parse_value(FactType.text, "Gold"), parse_value(FactType.choice, "Gold"))


decimals = st.decimals(
    min_value=-(10**12), max_value=10**12, places=4, allow_nan=False, allow_infinity=False
)


@given(decimals, st.sampled_from(sorted(MINOR_DIGITS)))
def test_money_is_kept_to_the_last_digit(amount, currency):
    read = parse_value(FactType.money, amount, currency)
    assert Decimal(read.value) == amount
    assert read == parse_value(FactType.money, f"{amount:,f}", currency)


@given(decimals, st.sampled_from(["GBP", "JPY", "KWD", "CHF"]))
def test_what_is_shown_reads_back_as_the_same_money(amount, currency):
    read = parse_value(FactType.money, amount, currency)
    shown = display(FactType.money, Comparator.eq, read.value, read.unit)
    assert parse_value(FactType.money, shown.replace(currency, "").strip(), currency) == read


@given(st.text(max_size=40), st.sampled_from(FactType), st.none() | st.text(max_size=8))
def test_whatever_is_written_is_read_or_refused_by_its_field(value, type, unit):
    try:
        read = parse_value(type, value, unit)
    except ValueError as error:
        assert str(error).startswith(("value: ", "unit: "))  # noqa: PT017  either end is right
        return
    assert parse_value(type, read.value, read.unit) == read
    assert display(type, Comparator.eq, read.value, read.unit)


SHOWN = [
    ("duration", "eq", "30 days", "30 days"),
    ("duration", "eq", "1 day", "1 day"),
    ("duration", "le", "14 days", "at most 14 days"),
    ("duration", "lt", "1.5 hours", "less than 1.5 hours"),
    ("duration", "ge", "3 business days", "at least 3 business days"),
    ("money", "eq", "£1,200.00", "£1,200"),
    ("money", "gt", "£1200.5", "more than £1,200.50"),
    ("money", "eq", "0.0345 EUR", "€0.0345"),
    ("money", "eq", "1500 CHF", "CHF 1,500"),
    ("money", "eq", "1.5 KWD", "KWD 1.500"),
    ("money", "eq", "-5 USD", "-$5"),
    ("percentage", "eq", "2.50%", "2.5%"),
    ("percentage", "le", "10%", "at most 10%"),
    ("quantity", "eq", "10000 items", "10,000 items"),
    ("quantity", "eq", "3", "3"),
    ("boolean", "eq", "true", "yes"),
    ("boolean", "eq", "false", "no"),
    ("date", "eq", "2026-03-03", "3 March 2026"),
    ("date", "le", "2026-12-31", "on or before 31 December 2026"),
    ("date", "lt", "2026-12-31", "before 31 December 2026"),
    ("date", "ge", "2026-01-01", "on or after 1 January 2026"),
    ("date", "gt", "2026-01-01", "after 1 January 2026"),
    ("text", "eq", "in writing", "in writing"),
    ("choice", "eq", "Gold", "Gold"),
]


@pytest.mark.parametrize(("type", "comparator", "written", "shown"), SHOWN)
def test_a_value_is_shown_in_words(type, comparator, written, shown):
    read = parse_value(FactType(type), written)
    assert display(FactType(type), Comparator(comparator), read.value, read.unit) == shown


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, "eq"),
        ("", "eq"),
        ("le", "le"),
        ("<=", "le"),
        ("At  most", "le"),
        ("up to", "le"),
        ("no more than", "le"),
        ("under", "lt"),
        ("at least", "ge"),
        ("≥", "ge"),
        ("more than", "gt"),
        (Comparator.gt, "gt"),
    ],
)
def test_a_comparator_is_read_from_code_sign_or_words(written, expected):
    assert parse_comparator(FactType.money, written) == expected


@pytest.mark.parametrize("type", ["boolean", "text", "choice"])
def test_a_value_without_order_takes_no_comparator(type):
    assert parse_comparator(FactType(type), "eq") == "eq"
    with pytest.raises(ValueError, match=r"comparator: a .* Leave the comparator out"):
        parse_comparator(FactType(type), "at most")


def test_an_unknown_comparator_is_refused():
    with pytest.raises(ValueError, match="comparator: 'roughly' isn't one"):
        parse_comparator(FactType.money, "roughly")
