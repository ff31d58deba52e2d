"""How a canonical value of a fact reads in a sentence.

Decides the words: "at most 14 days", "£1,200", "2.5%", "3 March 2026". Never reads or compares
values (`policies.values` does). Called by `policies.facts`, whose importers take the name from
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from policies.currencies import MINOR_DIGITS, SIGN_OF
from policies.values import MEASURED, Comparator, FactType

_SHOWN: Mapping[Comparator, str] = MappingProxyType(
    {
        Comparator.eq: "",
        Comparator.le: "at most ",
        Comparator.lt: "less than ",
        Comparator.ge: "at least ",
        Comparator.gt: "more than ",
    }
)
_SHOWN_DATES: Mapping[Comparator, str] = MappingProxyType(
    {
        Comparator.eq: "",
        Comparator.le: "on or before ",
        Comparator.lt: "before ",
        Comparator.ge: "on or after ",
        Comparator.gt: "after ",
    }
)

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def display(type: FactType, comparator: Comparator, value: str, unit: str | None) -> str:
    """Return a canonical value in words: "at most 14 days", "£1,200", "2.5%", "3 March 2026"."""
    type = FactType(type)
    if type == FactType.date:
        return _SHOWN_DATES[comparator] + _display_date(value)
    if type == FactType.boolean:
        return "yes" if value == "true" else "no"
    if type not in MEASURED:
        return value
    return _SHOWN[comparator] + _display_measure(type, Decimal(value), unit or "")


def _display_date(value: str) -> str:
    day = date.fromisoformat(value)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _display_measure(type: FactType, amount: Decimal, unit: str) -> str:
    if type == FactType.money:
        return _display_money(amount, unit)
    number = f"{amount:,f}"
    if type == FactType.percentage:
        return f"{number}%"
    if type == FactType.duration:
        unit = unit if amount == 1 else f"{unit}s"
    return f"{number} {unit}".rstrip()


def _display_money(amount: Decimal, currency: str) -> str:
    written = -int(amount.as_tuple().exponent)
    digits = max(MINOR_DIGITS.get(currency, 2), written) if written > 0 else 0
    number = f"{abs(amount):,.{digits}f}"
    sign = "-" if amount < 0 else ""
    symbol = SIGN_OF.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency} {number}"
