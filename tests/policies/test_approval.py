"""Who may approve, and when enough people have."""

from datetime import UTC, datetime, timedelta

import pytest

from policies.approval import (
    AUTHENTICATION_MAX_AGE,
    Kind,
    Meaning,
    Risk,
    approvals_needed,
    may_approve,
    publishes,
)

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
ALICE, BOB, CAROL = 1, 2, 3


def ask(**changes):
    terms = {
        "reviewer": BOB,
        "contributors": {ALICE},
        "earlier_approvers": set(),
        "reviewed_digest": "d1",
        "current_digest": "d1",
        "authenticated_at": NOW - timedelta(minutes=1),
        "now": NOW,
        "superseded_facts": [],
    }
    return may_approve(**{**terms, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "may_approve"),
        ({"reviewer": ALICE}, "four_eyes"),
        ({"contributors": [ALICE, BOB]}, "four_eyes"),
        ({"earlier_approvers": [BOB]}, "already_approved"),
        ({"earlier_approvers": [CAROL]}, "may_approve"),
        ({"current_digest": "d2"}, "changed_while_you_looked"),
        ({"superseded_facts": ["refund.window"]}, "fact_superseded"),
        ({"authenticated_at": None}, "stale_authentication"),
        ({"authenticated_at": NOW - AUTHENTICATION_MAX_AGE}, "may_approve"),
        (
            {"authenticated_at": NOW - AUTHENTICATION_MAX_AGE - timedelta(microseconds=1)},
            "stale_authentication",
        ),
        ({"authenticated_at": NOW + timedelta(seconds=30)}, "may_approve"),
        ({"authenticated_at": NOW + timedelta(minutes=2)}, "stale_authentication"),
    ],
)
def test_an_approval_is_decided_with_its_code(changes, code):
    decision = ask(**changes)
    assert decision.code == code
    assert decision.allowed == (code == "may_approve")
    assert decision.reason.endswith(".")


def test_an_author_is_told_of_four_eyes_whatever_else_stands_in_the_way():
    decision = ask(reviewer=ALICE, earlier_approvers=[ALICE], current_digest="d2")
    assert decision.code == "four_eyes"


def test_nobody_is_asked_to_sign_in_only_to_be_refused_for_something_else():
    assert ask(authenticated_at=None, superseded_facts=["a.b"]).code == "fact_superseded"


def test_superseded_facts_are_named_once_each():
    reason = ask(superseded_facts=["refund.window", "fee.late", "refund.window"]).reason
    assert "refund.window, fee.late." in reason


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("risk", "needed"), [(Risk.normal, 1), (Risk.high, 2), ("high", 2)])
def test_high_risk_needs_two_approvals_and_normal_risk_one(kind, risk, needed):
    assert approvals_needed(kind, risk) == needed


@pytest.mark.parametrize(("kind", "risk"), [("memo", "high"), ("policy", "enormous")])
def test_an_unknown_kind_or_risk_never_passes_for_normal(kind, risk):
    with pytest.raises(ValueError, match="is not a valid"):
        approvals_needed(kind, risk)


@pytest.mark.parametrize(
    ("approvals", "needed", "expected"), [(0, 1, False), (1, 1, True), (1, 2, False), (2, 2, True)]
)
def test_the_last_approval_that_is_needed_publishes(approvals, needed, expected):
    assert publishes(approvals=approvals, needed=needed) is expected


def test_an_import_is_signed_with_a_meaning_of_its_own():
    assert set(Meaning) == {"checked_against_policy", "import_attested"}
