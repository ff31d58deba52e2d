"""A decision is true when it allows, and always says why."""

import dataclasses

import pytest

from policies.decisions import allow, refuse


def test_a_decision_is_true_exactly_when_it_allows():
    assert allow("fine", "It is fine.")
    assert not refuse("not_fine", "It isn't.")


def test_a_decision_carries_its_code_and_its_reason():
    decision = refuse("four_eyes", "Somebody else has to.")
    assert (decision.allowed, decision.code, decision.reason) == (
        False,
        "four_eyes",
        "Somebody else has to.",
    )


def test_a_decision_cannot_be_changed_afterwards():
    with pytest.raises(dataclasses.FrozenInstanceError):
        refuse("no", "No.").allowed = True  # type: ignore[misc]
