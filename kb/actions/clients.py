"""Clients and their keys: who asks, what they may be told, and how often.

A key is shown once; only its hash is stored. Revocation holds from the next request on, in every
worker, because each request reads the key's row.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from kb.actions.work import Actor, work
from kb.errors import Invalid, NotFound, TooMany, Unauthenticated
from kb.models import RIGHTS, Client, ClientKey
from policies import audience, scope

KEY_PREFIX = "ts_"


def create_client(
    *,
    actor: Actor,
    name: str,
    audience_: str,
    channel: str = "",
    scope_: Mapping[str, str] | None = None,
    rights: Sequence[str] = (),
    rate_per_s: float | None = None,
    purpose: str = "live",
    expires_at: datetime | None = None,
) -> tuple[Client, str]:
    """Make a client and its first key; return both. The key is never shown again.

    Raises Invalid that names each bad field.
    """
    problems: dict[str, str] = {}
    if not name.strip() or len(name) > 100:
        problems["name"] = "is empty or longer than 100 characters"
    elif Client.objects.filter(name=name).exists():
        problems["name"] = f"a client called {name!r} exists already; choose another name"
    problems |= _unfit_powers(rights, rate_per_s, purpose)
    try:
        audience.parse(audience_)
    except ValueError as error:
        problems["audience"] = str(error).removeprefix("audience: ")
    try:
        bound = scope.normalise(dict(scope_ or {}))
    except ValueError as error:
        problems["scope"] = str(error).removeprefix("scope: ")
    if problems:
        raise Invalid(problems)
    with work(actor=actor) as doing:
        now = doing.now()
        client = Client.objects.create(
            name=name,
            audience=audience_,
            channel=channel,
            scope=bound,
            rights=list(rights),
            rate_per_s=rate_per_s,
            purpose=purpose,
            created_at=now,
        )
        key = _issue(client, now, expires_at)
        doing.record(
            "create_client",
            f"client:{name}",
            new={"audience": audience_, "rights": list(rights), "scope": bound},
        )
        return client, key


def _unfit_powers(rights: Sequence[str], rate_per_s: float | None, purpose: str) -> dict[str, str]:
    problems: dict[str, str] = {}
    unknown = [right for right in rights if right not in RIGHTS]
    if unknown:
        problems["rights"] = f"{', '.join(unknown)}: choose from {', '.join(RIGHTS)}"
    if rate_per_s is not None and not 0 < rate_per_s <= 100_000:
        problems["rate"] = "must be more than 0 requests a second"
    if purpose not in ("live", "test"):
        problems["purpose"] = f"{purpose!r} isn't live or test"
    return problems


def issue_key(*, actor: Actor, name: str, expires_at: datetime | None = None) -> str:
    """Return a further key for the client called `name` (to rotate without a gap)."""
    with work(actor=actor) as doing:
        client = Client.objects.filter(name=name).first()
        if client is None:
            raise NotFound(f"There is no client called {name!r}.")
        doing.record("issue_key", f"client:{name}")
        return _issue(client, doing.now(), expires_at)


def revoke_keys(*, actor: Actor, name: str, why: str) -> int:
    """Revoke every key of the client called `name`, at once; return how many."""
    with work(actor=actor) as doing:
        keys = ClientKey.objects.filter(client__name=name, revoked_at=None)
        count = keys.update(revoked_at=doing.now())
        doing.record("revoke_keys", f"client:{name}", new={"keys": count}, why=why)
        return count


def authenticate(key: str, now: datetime) -> ClientKey:
    """Return the key's row with its client. Raises Unauthenticated.

    Called for each request, so that a revocation or an expiry holds at once.
    """
    row = ClientKey.objects.select_related("client").filter(hash=_hash(key)).first()
    if row is None or row.revoked_at is not None or (row.expires_at and row.expires_at <= now):
        raise Unauthenticated("The client key is missing, wrong, expired or revoked.")
    return row


def spend(client: Client) -> tuple[int, int, int] | None:
    """Take one request from the client's rate; return (limit, remaining, reset in s), None if free.

    A token bucket of one second's burst in one statement, shared by all workers. What is left below
    zero says that the request is refused; it takes nothing then, so a client that asks too often
    still gets its rate. Raises TooMany.
    """
    if client.rate_per_s is None:
        return None
    burst = max(1.0, client.rate_per_s)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO kb_ratebucket AS b (client_id, tokens, filled_at)
               VALUES (%(client)s, %(burst)s - 1, clock_timestamp())
               ON CONFLICT (client_id) DO UPDATE SET filled_at = clock_timestamp(), tokens =
                 least(%(burst)s, b.tokens + CASE WHEN b.tokens < 0 THEN 1 ELSE 0 END
                   + %(rate)s * extract(epoch FROM clock_timestamp() - b.filled_at)) - 1
               RETURNING tokens""",
            {"client": client.pk, "burst": burst, "rate": client.rate_per_s},
        )
        tokens = float(cursor.fetchone()[0])
    limit = int(burst)
    if tokens < 0:
        wait = max(1, round(-tokens / client.rate_per_s + 0.5))
        raise TooMany(
            f"This key may ask {client.rate_per_s:g} times a second. Wait {wait} s.",
            retry_after_s=wait,
            limit=limit,
        )
    return limit, int(tokens), 1


def _issue(client: Client, now: datetime, expires_at: datetime | None) -> str:
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    ClientKey.objects.create(
        client=client, hash=_hash(key), prefix=key[:8], created_at=now, expires_at=expires_at
    )
    return key


def _hash(key: str) -> str:
    """A random 256-bit key needs no slow hash: it can't be guessed."""
    return hashlib.sha256(key.encode()).hexdigest()
