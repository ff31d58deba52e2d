"""`issue_key`: a further key for a client, so that keys can be changed without a gap.

Parses words; `kb.actions.clients` decides. The key is the only thing on standard output, once.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from kb.actions import clients
from kb.actions.work import Actor
from kb.management.refusing import instant, one_line


class Command(BaseCommand):
    """manage.py issue_key NAME [--expires-at TIME]"""

    help = (
        "Print a further key of a client, alone, once; those it has stay valid until they are "
        "revoked. Example: python manage.py issue_key website-bot"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare whose key, and until when."""
        parser.add_argument("name", help="the client's name")
        parser.add_argument(
            "--expires-at", metavar="TIME", help="when the key ends, like 2027-01-01T00:00:00Z"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the key."""
        expires_at = instant("--expires-at", options["expires_at"])
        with one_line():
            key = clients.issue_key(
                actor=Actor.system("issue_key"), name=options["name"], expires_at=expires_at
            )
        self.stdout.write(key)
