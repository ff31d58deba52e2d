"""The shape of every decision: allowed or not, a stable code, and a sentence for a person.

Decides nothing itself. Every rule in this package that says yes or no returns one of these, so the
action that asks, the test and the person on the screen all learn why. Called by all of `policies`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule decided. `code` is snake_case and never changes; `reason` is a whole sentence."""

    allowed: bool
    code: str
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


def allow(code: str, reason: str) -> Decision:
    """Say yes, and why."""
    return Decision(allowed=True, code=code, reason=reason)


def refuse(code: str, reason: str) -> Decision:
    """Say no, and why; the reason also says what would mend it, where anything would."""
    return Decision(allowed=False, code=code, reason=reason)
