"""Who may lift a hold."""

import pytest

from policies.holds import may_lift


@pytest.mark.parametrize(
    ("is_approver", "contributors", "code"),
    [
        (True, [], "may_lift"),
        (True, [2, 3], "may_lift"),
        (True, [1], "wrote_the_fix"),
        (False, [], "not_an_approver"),
        (False, [1], "not_an_approver"),
    ],
)
def test_an_approver_who_did_not_write_the_fix_lifts_a_hold(is_approver, contributors, code):
    decision = may_lift(lifter=1, is_approver=is_approver, contributors_since=contributors)
    assert decision.code == code
    assert decision.allowed == (code == "may_lift")
    assert decision.reason.endswith(".")
