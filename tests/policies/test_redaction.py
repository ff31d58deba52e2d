"""Card and account numbers go, everything else stays. The numbers are published test numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.redaction import redact

REDACTED = [
    ("my card 4111 1111 1111 1111 please", "my card [card number] please"),
    ("4111111111111111", "[card number]"),
    ("4111-1111-1111-1111.", "[card number]."),
    ("4111.1111.1111.1111", "[card number]"),
    ("4111\u00a01111\u00a01111\u00a01111", "[card number]"),
    ("4111 1111\n1111 1111", "[card number]"),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card number]"),
    ("Amex 3782 822463 10005", "Amex [card number]"),
    ("4222222222222", "[card number]"),
    ("6304000000000000000", "[card number]"),
    ("order 12 4111 1111 1111 1111, ok", "order 12 [card number], ok"),
    ("5555555555554444 4012888888881881", "[card number] [card number]"),
    ("4111111111111111GB82 WEST 1234 5698 7654 32", "[card number][account number]"),
    ("card:4111111111111111exp 12/27", "card:[card number]exp 12/27"),
    ("GB82 WEST 1234 5698 7654 32 and more", "[account number] and more"),
    ("de89370400440532013000.", "[account number]."),
    ("IBAN NO9386011117947, please", "IBAN [account number], please"),
    ("(FR14 2004 1010 0505 0001 3M02 606)", "([account number])"),
    ("my account number is 12345678", "my account number is [account number]"),
    ("acct #12345678", "acct #[account number]"),
    ("A/C no. 1234 5678.", "A/C no. [account number]."),
    ("sort code 20-00-00 55779911", "sort code 20-00-00 [account number]"),
    ("sort code 12-34-56, account 12345678", "sort code 12-34-56, account [account number]"),
    ("routing 021000021", "routing [account number]"),
    ("ACCOUNT 123456789012", "ACCOUNT [account number]"),
    ("accounts 12345678 and 87654321", "accounts [account number] and [account number]"),
]

KEPT = [
    "",
    "I want my money back",
    "4111 1111 1111 1112",
    "GB82 WEST 1234 5698 7654 33",
    "from 2024-03-01 to 2024-04-01",
    "my account was opened on 2024-03-01",
    "my account was opened 2024-03-01 10:30",
    "account since 03-03-2026",
    "order 12345678",
    "invoice 98765432 of 3 March",
    "the account balance is 12345678.50",
    "account holds £12345678",
    "account fee of 1,234,567",
    "account ending 1234",
    "account 1234567",
    "my account is locked, call me on 07700900123",
    "about my account: phone 07700 900123",
    "see https://example.org/account/12345678/x",
    "account one two three four five six seven 12345678",
    "30 days, 14 days, 2.5%, £1,200",
]


@pytest.mark.parametrize(("text", "expected"), REDACTED)
def test_card_and_account_numbers_are_taken_out(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_everything_else_stays_as_the_customer_wrote_it(text):
    assert redact(text) == text


pieces = st.sampled_from(
    [
        *" .-,\n[]ab",
        *"0123456789",
        "12345678",
        "1234",
        "20-00-00",
        "2024-03-01",
        "account ",
        " sort code ",
        "4111 1111 1111 1111",
        "GB82 WEST 1234 5698 7654 32",
        "NO9386011117947",
        "[account number]",
        "[card number]",
        " phone ",
    ]
)


@given(st.lists(pieces, max_size=25).map("".join) | st.text(max_size=60))
def test_redacting_twice_changes_nothing_more(text):
    once = redact(text)
    assert redact(once) == once


def luhn_complete(body):
    for digit in "0123456789":
        total = 0
        for place, character in enumerate(reversed(body + digit)):
            value = int(character) * (1 + place % 2)
            total += value - 9 if value > 9 else value
        if total % 10 == 0:
            return body + digit
    raise AssertionError("some check digit always fits")


words = st.text("abcdefghij ,!?", max_size=12)


@given(words, st.text("0123456789", min_size=12, max_size=18).map(luhn_complete), words)
def test_a_number_that_passes_the_check_goes_and_the_words_around_it_stay(before, card, after):
    assert redact(f"{before} {card} {after}") == f"{before} [card number] {after}"


@given(st.text("abcdefghijklmnop .,!?'\n", max_size=80))
def test_a_text_without_digits_is_never_touched(text):
    assert redact(text) == text
