"""Who may lift a hold.

Decides whether this person may put something back into service. Never decides who may place a hold
(any editor may; taking out of service has to be easy) and never lifts by itself. Called by
`kb.actions`.
"""

from __future__ import annotations

from collections.abc import Collection

from policies.decisions import Decision, allow, refuse


def may_lift(*, lifter: int, is_approver: bool, contributors_since: Collection[int]) -> Decision:
    """Decide whether this person may lift the hold.

    `is_approver` is about the owner group of what is held; `contributors_since` saved content of
    it after the hold was placed. Codes: `not_an_approver`, `wrote_the_fix`, `may_lift`.
    """
    if not is_approver:
        return refuse("not_an_approver", "Only an approver of the owner group can lift a hold.")
    if lifter in contributors_since:
        return refuse(
            "wrote_the_fix",
            "You wrote what was changed since this hold was placed, so another approver lifts it.",
        )
    return allow("may_lift", "You are an approver and didn't write what was changed since.")
