"""The currencies that money may be in: ISO 4217 codes and their digits after the point.

Decides nothing; a table with two look-ups, called by `policies.values`. Codes for metals, funds,
testing and "no currency" are left out: no policy is paid in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TWO_DIGITS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG
SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES
WST XCD XCG YER ZAR ZMW ZWG BGN
"""
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

MINOR_DIGITS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(_TWO_DIGITS.split(), 2),
        **dict.fromkeys(_NO_DIGITS.split(), 0),
        **dict.fromkeys(_THREE_DIGITS.split(), 3),
    }
)

SIGN_OF: Mapping[str, str] = MappingProxyType({"GBP": "£", "EUR": "€", "USD": "$", "INR": "₹"})
"""Currencies that are shown with their sign; all others with their code."""

SIGNS = frozenset({*SIGN_OF.values(), "¥"})
"""Signs that may be written before or after an amount; "$" and "¥" need the code beside them."""

_UNAMBIGUOUS: Mapping[str, str] = MappingProxyType(
    {sign: code for code, sign in SIGN_OF.items() if code != "USD"}
)


def currency_of_sign(sign: str) -> str | None:
    """Return the code of a sign that only one currency uses; None for "$", "¥" and the unknown."""
    return _UNAMBIGUOUS.get(sign)
