"""Until when an answer may be repeated without asking again.

Decides the moment from the moments it is given. Never knows which moments matter: `kb.gate` gathers
them (ends and starts of periods, facts, holds, review graces, the key's own end). Called by
`kb.actions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta


def valid_until(
    *, served_at: datetime, ttl: timedelta, moments: Iterable[datetime | None]
) -> datetime:
    """Return the earliest of `served_at + ttl` and every moment after `served_at`.

    None stands for a change that isn't known; moments that have come already change nothing more.
    Raises ValueError for a negative `ttl`.
    """
    if ttl < timedelta(0):
        raise ValueError(
            f"ttl: is {ttl}, but an answer can't end before it was given; use 0 or more"
        )
    known = (moment for moment in moments if moment is not None and moment > served_at)
    return min((served_at + ttl, *known))
