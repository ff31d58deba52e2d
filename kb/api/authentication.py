"""Who asks: a client, by the key in `Authorization: Bearer <key>`.

The key's row is read for each request, so a revocation or an expiry holds at once. What the client
may do is bound to it; `kb.api.endpoint` looks at its rights. No session signs in here.
"""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from kb import gate
from kb.actions import clients
from kb.errors import Unauthenticated
from kb.models import Client, ClientKey

_MAX_KEY = 200
_HOW = "Send a client key: `Authorization: Bearer <key>`."


class ClientKeyAuthentication(BaseAuthentication):
    """Makes `request.user` the Client and `request.auth` its ClientKey. Raises Unauthenticated."""

    def authenticate(self, request: Request) -> tuple[Client, ClientKey] | None:
        """Return the client and its key, or None where no Authorization header was sent."""
        header = str(request.META.get("HTTP_AUTHORIZATION", ""))
        if not header:
            return None
        scheme, _, key = header.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key or len(key) > _MAX_KEY or not key.isascii():
            raise Unauthenticated(_HOW)
        row = clients.authenticate(key, gate.clock())
        return row.client, row

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge that goes with a 401."""
        return 'Bearer realm="touchstone"'


class HasClient(BasePermission):
    """Lets in whoever sent a valid key, and nobody else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise Unauthenticated unless a client was recognised."""
        if not isinstance(request.auth, ClientKey):
            raise Unauthenticated(_HOW)
        return True
