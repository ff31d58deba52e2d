"""The one tree of errors. A door turns the class into a status; the code never changes.

KbError
├── Refused              the request is well-formed, a rule says no (409)
│   ├── Conflict         somebody else was first (409)
│   └── NotPermitted     this actor may not (403)
├── Invalid              the input can't be used; names the field (422)
├── NotFound             missing, or not yours to see: the same words (404)
├── Unauthenticated      no key, a wrong key, a revoked key (401)
├── StaleAuthentication  a signature needs a fresh sign-in (403)
├── TooMany              over the client's rate; says when to come back (429)
└── Unavailable          the gate can't be asked: never an old answer (503)
"""

from __future__ import annotations


class KbError(Exception):
    """An error with a stable code and words for a person.

    `code` is snake_case and documented in docs/errors.md; `detail` says what happened and what to
    do.
    """

    code = "error"
    status = 500

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Refused(KbError):
    """A rule refuses what was asked."""

    code = "refused"
    status = 409


class Conflict(Refused):
    """Somebody else changed the same thing first; nothing of this request was kept."""

    code = "conflict"


class NotPermitted(Refused):
    """This actor may not do this."""

    code = "not_permitted"
    status = 403


class StaleAuthentication(NotPermitted):
    """A signature needs authentication that is at most five minutes old."""

    code = "stale_authentication"


class Invalid(KbError):
    """The input can't be used. `fields` maps each field to what is wrong and how to mend it."""

    code = "invalid"
    status = 422

    def __init__(self, fields: dict[str, str], *, code: str | None = None) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in fields.items()), code=code)
        self.fields = fields


class NotFound(KbError):
    """It doesn't exist, or it isn't yours to see; the two look the same."""

    code = "not_found"
    status = 404


class Unauthenticated(KbError):
    """No key, or one that isn't valid (any more)."""

    code = "unauthenticated"
    status = 401


class TooMany(KbError):
    """Over the rate bound to the key."""

    code = "rate_limited"
    status = 429

    def __init__(self, detail: str, *, retry_after_s: int, limit: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.limit = limit


class Unavailable(KbError):
    """The gate can't be asked, so nothing is answered."""

    code = "unavailable"
    status = 503
