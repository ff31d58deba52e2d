"""Takes card and account numbers out of what customers write, before anything is stored.

Decides what looks like such a number: cards by their check digit (Luhn, ISO/IEC 7812-1), IBANs by
theirs (mod 97, ISO 13616), plain account numbers by a word such as "account" shortly before them.
Never touches other numbers: dates, amounts, order and telephone numbers stay. A number that passes
its check goes even where that may be chance. Called by `kb.actions` before the row is written.
"""

from __future__ import annotations

import re

CARD = "[card number]"
ACCOUNT = "[account number]"

_CARD_DIGITS = range(13, 20)
_IBAN_LENGTHS = range(15, 35)
_WORDS_BETWEEN = 6
_CHARACTERS_BETWEEN = 80

# Digits with at most three spaces, dashes or points between groups, as people type a card off.
_DIGIT_RUN = re.compile(r"(?<!\d)\d+(?:[\s.\-\u2010-\u2015]{1,3}\d+)*")
_DIGIT_GROUP = re.compile(r"\d+")

_IBAN_START = re.compile(r"(?<![^\W_])[A-Za-z]{2}[0-9]{2}")
_IBAN_REST = re.compile(r"(?:[ \u00a0\-]?[A-Za-z0-9]){0,40}")

_ACCOUNT_WORD = (
    r"\b(?:accounts?|acct?s?|a/cs?|sort[\s-]?codes?|routing|transit|aba|iban|bic|bban)\b"
)
# One block, or blocks with one separator throughout: "12345678", "1234 5678". A sort code beside
# the number doesn't become part of it, and decimals and amounts of money are no accounts.
_ACCOUNT_NUMBER = (
    r"(?<![\w.,/+£$€])"
    r"(?:\d{8,12}|\d{2,6}(?P<separator>[ -])\d{2,6}(?:(?P=separator)\d{2,6})*)"
    r"(?![\w/]|[.,]\d)"
)
_ACCOUNT_MARK = re.compile(
    rf"{re.escape(ACCOUNT)}|{_ACCOUNT_WORD}|(?P<number>{_ACCOUNT_NUMBER})",
    re.IGNORECASE,
)
_ACCOUNT_DIGITS = range(8, 13)
_DATE = re.compile(
    r"(?:19|20)\d\d[ -]\d\d[ -]\d\d|\d\d[ -]\d\d[ -](?:19|20)\d\d|(?:19|20)\d\d[ -](?:19|20)\d\d"
)
_TELEPHONE = re.compile(
    r"\b(?:(?:tele)?phones?|tel|mobile|cell|fax|(?:call|ring|text|reach) (?:me|us))\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")


def redact(text: str) -> str:
    """Replace card numbers by `[card number]` and account numbers by `[account number]`.

    Redacting twice changes nothing more: a number that was glued to another and shows only once
    that is gone is found in a further pass.
    """
    redacted = _redact_accounts(_redact_cards(_redact_ibans(text)))
    while redacted != text:
        text, redacted = redacted, _redact_accounts(_redact_cards(_redact_ibans(redacted)))
    return redacted


def _redact_ibans(text: str) -> str:
    kept: list[str] = []
    position = 0
    while (start := _IBAN_START.search(text, position)) is not None:
        rest = _IBAN_REST.match(text, start.end())
        end = _iban_end(text, start.start(), rest.end() if rest else start.end())
        if end is None:
            kept.append(text[position : start.end()])
            position = start.end()
        else:
            kept.append(text[position : start.start()] + ACCOUNT)
            position = end
    return "".join(kept) + text[position:]


def _iban_end(text: str, start: int, limit: int) -> int | None:
    """Return where the longest valid IBAN from `start` ends, at a word's edge; None for none."""
    characters = ""
    end = None
    for position in range(start, limit):
        if not text[position].isalnum():
            continue
        characters += text[position]
        if len(characters) >= _IBAN_LENGTHS.stop:
            break
        at_edge = position + 1 == len(text) or not text[position + 1].isalnum()
        if at_edge and len(characters) in _IBAN_LENGTHS and _passes_mod_97(characters):
            end = position + 1
    return end


def _passes_mod_97(iban: str) -> bool:
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _redact_cards(text: str) -> str:
    return _DIGIT_RUN.sub(lambda run: _redact_cards_in_run(run[0]), text)


def _redact_cards_in_run(run: str) -> str:
    """Replace every card in a run of groups of digits; a card begins and ends on a group's edge."""
    groups = [(group.start(), group.end()) for group in _DIGIT_GROUP.finditer(run)]
    kept = ""
    position = 0
    first = 0
    while first < len(groups):
        last = _card_end(run, groups, first)
        if last is None:
            first += 1
            continue
        kept += run[position : groups[first][0]] + CARD
        position = groups[last][1]
        first = last + 1
    return kept + run[position:]


def _card_end(run: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Return the last group of the longest card that begins with group `first`; None for none."""
    digits = ""
    sizes: list[int] = []
    found = None
    for index in range(first, len(groups)):
        start, end = groups[index]
        digits += run[start:end]
        sizes.append(end - start)
        if len(digits) >= _CARD_DIGITS.stop:
            break
        if len(digits) in _CARD_DIGITS and _laid_out_like_a_card(sizes) and _passes_luhn(digits):
            found = index
    return found


def _laid_out_like_a_card(sizes: list[int]) -> bool:
    """Say whether groups look like a card typed off; 4-2-2 twice is a pair of dates, not a card."""
    return all(size >= 3 for size in sizes[:-1]) or len(set(sizes)) == 1


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _redact_accounts(text: str) -> str:
    """Replace numbers of 8 to 12 digits that a word such as "account" announces.

    A number that is replaced announces the next one, as its placeholder would.
    """
    kept = ""
    position = 0
    announced_at: int | None = None
    for mark in _ACCOUNT_MARK.finditer(text):
        if mark["number"] is None:
            announced_at = mark.end()
        elif announced_at is not None and _is_account_number(
            mark["number"], between=text[announced_at : mark.start()]
        ):
            kept += text[position : mark.start()] + ACCOUNT
            position = announced_at = mark.end()
    return kept + text[position:]


def _is_account_number(number: str, *, between: str) -> bool:
    if sum(character.isdigit() for character in number) not in _ACCOUNT_DIGITS:
        return False
    if _DATE.fullmatch(number) or _TELEPHONE.search(between):
        return False
    return len(between) <= _CHARACTERS_BETWEEN and len(_WORD.findall(between)) <= _WORDS_BETWEEN
