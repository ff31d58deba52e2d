"""One typed value: read from what somebody wrote, and compared exactly.

Decides: what is a well-formed value of each type, and which values are the same once converted.
Never guesses: a number without its unit, an ambiguous date or a sign that several currencies share
is refused with the way to mend it. Numbers are exact decimals, never floats. Called by
`policies.facts`, whose importers take these names from there.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from policies.currencies import MINOR_DIGITS, SIGNS, currency_of_sign


class FactType(StrEnum):
    """What kind of value a fact has; it decides how values are read, compared and shown."""

    duration = "duration"
    money = "money"
    percentage = "percentage"
    quantity = "quantity"
    boolean = "boolean"
    date = "date"
    text = "text"
    choice = "choice"


class Comparator(StrEnum):
    """How the value bounds what it speaks of: exactly, at most, less than, at least, more than."""

    eq = "eq"
    le = "le"
    lt = "lt"
    ge = "ge"
    gt = "gt"


@dataclass(frozen=True, slots=True)
class CanonicalValue:
    """A value in the one spelling that is stored.

    `value` is plain text: a decimal without exponent or trailing zeros, `true` or `false`,
    YYYY-MM-DD, or text on one line. `unit` is a duration's unit in the singular, a currency's ISO
    4217 code, `%`, a quantity's own unit, or None.
    """

    type: FactType
    value: str
    unit: str | None

    @property
    def comparable(self) -> str:
        """Return a text that is equal for two values exactly if they are the same value."""
        return _comparable(self)


TEXT_LIMIT = 500
UNIT_LIMIT = 30
DIGITS_LIMIT = 20

MEASURED = frozenset({FactType.duration, FactType.money, FactType.percentage, FactType.quantity})
ORDERED = MEASURED | {FactType.date}

# Three kinds of time that don't convert into each other: a month has no fixed number of days, and
# business days depend on a calendar. Within a kind, the factor to its smallest unit.
_DURATIONS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "minute": ("exact", 1),
        "hour": ("exact", 60),
        "day": ("exact", 60 * 24),
        "week": ("exact", 60 * 24 * 7),
        "month": ("calendar", 1),
        "year": ("calendar", 12),
        "business day": ("business", 1),
    }
)
_DURATION_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "min": "minute",
        "hr": "hour",
        "h": "hour",
        "calendar day": "day",
        "working day": "business day",
    }
)
_DURATION_UNITS = ", ".join(_DURATIONS)

_COMPARATOR_WORDS: Mapping[str, Comparator] = MappingProxyType(
    {
        **{member.value: member for member in Comparator},
        **dict.fromkeys(("=", "==", "exactly", "is", "on"), Comparator.eq),
        **dict.fromkeys(
            ("<=", "≤", "at most", "up to", "no more than", "not more than", "within", "maximum",
             "on or before", "by"),
            Comparator.le,
        ),
        **dict.fromkeys(("<", "less than", "under", "below", "before"), Comparator.lt),
        **dict.fromkeys(
            (">=", "≥", "at least", "no less than", "not less than", "minimum", "on or after",
             "from"),
            Comparator.ge,
        ),
        **dict.fromkeys((">", "more than", "over", "above", "after"), Comparator.gt),
    }
)  # fmt: skip

_NUMBER = r"[-+\u2212]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_MEASURE = re.compile(
    rf"(?P<sign>[-\u2212]?)\s*(?P<symbol>[^\w\s.,+\-\u2212%]?)\s*(?P<number>{_NUMBER})\s*(?P<unit>[^\W\d].*|[%£€$¥₹°].*)?"
)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SHORT = reprlib.Repr()
_SHORT.maxstring = 60
_SHORT.maxother = 60


def parse_comparator(type: FactType, text: object) -> Comparator:
    """Read a comparator from its code, sign or words ("at most", "<="); None and "" mean exactly.

    Raises ValueError if there is no such comparator, or if the type's values have no order.
    """
    words = " ".join(str(text or "eq").casefold().split())
    comparator = _COMPARATOR_WORDS.get(words)
    if comparator is None:
        raise ValueError(
            f"comparator: {_quoted(text)} isn't one; write eq, le, lt, ge or gt, "
            'or words such as "at most"'
        )
    if comparator != Comparator.eq and type not in ORDERED:
        raise ValueError(
            f"comparator: a {type} has no order, so {_quoted(text)} says nothing of it. "
            "Leave the comparator out"
        )
    return comparator


def parse_value(type: FactType, value: object, unit: str | None = None) -> CanonicalValue:
    """Read a value as somebody wrote it into its canonical spelling.

    `value` may be a number, a bool, a date or text; text may carry its own unit ("30 days", "£5").
    Raises ValueError that names the field (`value` or `unit`) and says how to mend it.
    """
    type = FactType(type)
    written = " ".join((unit or "").split()) or None
    if written is not None and (len(written) > UNIT_LIMIT or not written.isprintable()):
        raise ValueError(f"unit: is longer than {UNIT_LIMIT} characters; write a word such as day")
    if type not in MEASURED and written is not None:
        raise ValueError(f"unit: a {type} has none; leave {written!r} out")
    text, found = _READERS[type](value, written)
    return CanonicalValue(type=type, value=text, unit=found)


def same_value(a: CanonicalValue, b: CanonicalValue) -> bool:
    """Say whether the two are one value after exact conversion: 2 weeks are 14 days."""
    return a.comparable == b.comparable


def _read_measure(value: object, unit: str | None, *, example: str) -> tuple[Decimal, str, str]:
    """Return the number, the sign written before it, and the unit, from `unit` or from the text."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"value: {_quoted(value)} isn't a number; write one such as {example}")
    text = value if isinstance(value, str) else _digits(value)
    if len(text) > TEXT_LIMIT:
        raise ValueError(f"value: is too long for a number; write one such as {example}")
    match = _MEASURE.fullmatch(" ".join(text.split()))
    if match is None:
        raise ValueError(
            f"value: {_quoted(value)} isn't a number; write digits with a point, such as {example}"
        )
    number = match["number"].replace(",", "").replace("\u2212", "-")
    if sum(character.isdigit() for character in number) > DIGITS_LIMIT:
        raise ValueError(f"value: has more than {DIGITS_LIMIT} digits; write a shorter number")
    amount = -Decimal(number) if match["sign"] else Decimal(number)
    own_unit = (match["unit"] or "").strip()
    if own_unit and unit and own_unit.casefold() != unit.casefold():
        raise ValueError(f"unit: is {unit!r} but the value says {own_unit!r}; write it once")
    return amount, match["symbol"], unit or own_unit


def _quoted(value: object) -> str:
    """Quote what was written for a message, shortened if it is long."""
    return _SHORT.repr(value)


def _digits(value: int | float | Decimal) -> str:
    if isinstance(value, int) and abs(value) >= 10**DIGITS_LIMIT:
        raise ValueError(f"value: has more than {DIGITS_LIMIT} digits; write a shorter number")
    number = Decimal(str(value))
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_LIMIT:
        raise ValueError("value: isn't a number that can be written out; write a shorter one")
    return format(number, "f")


def _refuse_symbol(symbol: str, type: FactType, example: str) -> None:
    if symbol:
        raise ValueError(f"value: {symbol!r} doesn't belong to a {type}; write it as {example}")


def _read_duration(value: object, unit: str | None) -> tuple[str, str | None]:
    amount, symbol, written = _read_measure(value, unit, example="30")
    _refuse_symbol(symbol, FactType.duration, "30 days")
    if amount < 0:
        raise ValueError("value: a duration can't be negative; write how long it lasts")
    singular = written.casefold().replace("_", " ").replace("-", " ").removesuffix("s")
    singular = _DURATION_ALIASES.get(singular, singular)
    if singular not in _DURATIONS:
        what = f"{written!r} isn't a unit of time" if written else "is missing"
        raise ValueError(f"unit: {what}; write one of {_DURATION_UNITS}")
    return _plain(amount), singular


def _read_money(value: object, unit: str | None) -> tuple[str, str | None]:
    amount, symbol, written = _read_measure(value, unit, example="1200 or 19.99")
    if written in SIGNS:
        symbol, written = written, ""
    code = written.upper()
    if symbol and symbol not in SIGNS:
        raise ValueError(f"value: {symbol!r} doesn't belong to money; write a plain number")
    if symbol:
        of_sign = currency_of_sign(symbol)
        if of_sign is None and not code:
            raise ValueError(
                f"unit: {symbol!r} can be several currencies; write the ISO code, such as USD"
            )
        if of_sign is not None and code and of_sign != code:
            raise ValueError(f"unit: is {code!r} but the value says {symbol!r}; write it once")
        code = code or (of_sign or "")
    if code not in MINOR_DIGITS:
        what = f"{written!r} isn't a currency" if written else "is missing"
        raise ValueError(f"unit: {what}; write an ISO 4217 code such as GBP, EUR or USD")
    return _plain(amount), code


def _read_percentage(value: object, unit: str | None) -> tuple[str, str | None]:
    amount, symbol, written = _read_measure(value, unit, example="2.5")
    _refuse_symbol(symbol, FactType.percentage, "2.5%")
    if written.casefold() not in {"", "%", "percent", "per cent"}:
        raise ValueError(f"unit: {written!r} isn't %; leave the unit of a percentage out")
    return _plain(amount), "%"


def _read_quantity(value: object, unit: str | None) -> tuple[str, str | None]:
    amount, symbol, written = _read_measure(value, unit, example="5 items")
    _refuse_symbol(symbol, FactType.quantity, "5 items")
    if len(written) > UNIT_LIMIT or not written.isprintable():
        raise ValueError(f"unit: is longer than {UNIT_LIMIT} characters; write a word or two")
    return _plain(amount), written or None


def _read_boolean(value: object, _unit: str | None) -> tuple[str, str | None]:
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in {"yes", "true"}:
        return "true", None
    if word in {"no", "false"}:
        return "false", None
    raise ValueError(f"value: {_quoted(value)} is neither yes nor no; write true or false")


def _read_date(value: object, _unit: str | None) -> tuple[str, str | None]:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat(), None
    text = value.strip() if isinstance(value, str) else ""
    try:
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat(), None
    except ValueError as error:
        raise ValueError(f"value: {_quoted(text)} isn't a day of the calendar ({error})") from None
    raise ValueError(
        f"value: {_quoted(value)} isn't a date; write it as YYYY-MM-DD, such as 2026-03-03"
    )


def _read_text(value: object, _unit: str | None) -> tuple[str, str | None]:
    if not isinstance(value, str):
        raise ValueError(f"value: {_quoted(value)} isn't text; put it in quotation marks")
    text = " ".join(value.split())
    if not text:
        raise ValueError("value: is empty; write the text that the fact states")
    if max(len(text), len(text.casefold())) > TEXT_LIMIT:
        raise ValueError(f"value: is longer than {TEXT_LIMIT} characters; shorten it")
    if not text.isprintable():
        raise ValueError("value: has a control character in it; remove it")
    if "{{" in text or "}}" in text:
        raise ValueError(
            "value: the text of a fact can't refer to other facts; write the words out"
        )
    return text, None


_READERS: Mapping[FactType, Callable[[object, str | None], tuple[str, str | None]]] = (
    MappingProxyType(
        {
            FactType.duration: _read_duration,
            FactType.money: _read_money,
            FactType.percentage: _read_percentage,
            FactType.quantity: _read_quantity,
            FactType.boolean: _read_boolean,
            FactType.date: _read_date,
            FactType.text: _read_text,
            FactType.choice: _read_text,
        }
    )
)


def _comparable(canonical: CanonicalValue) -> str:
    value, unit = canonical.value, canonical.unit or ""
    match canonical.type:
        case FactType.duration:
            kind, factor = _DURATIONS[unit]
            value, unit = _plain(Decimal(value) * factor), kind
        case FactType.quantity:
            # "item" and "items" are one unit; short ones (m, ms) are symbols and stay apart.
            folded = unit.casefold()
            unit = folded.removesuffix("s") if len(folded) > 3 else unit
        case FactType.text | FactType.choice:
            value = value.casefold()
    return f"{canonical.type}:{unit}:{value}"


def _plain(amount: Decimal) -> str:
    """Write a decimal without exponent, trailing zeros or a negative zero; never rounds."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    whole = text.removeprefix("-").lstrip("0") or "0"
    whole = f"0{whole}" if whole.startswith(".") else whole
    return f"-{whole}" if text.startswith("-") and whole != "0" else whole
