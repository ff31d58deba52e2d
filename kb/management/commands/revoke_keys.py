"""`revoke_keys`: no key of a client is valid any more, from the next request on.

Parses words; `kb.actions.clients` decides.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kb.actions import clients
from kb.actions.work import Actor
from kb.management.refusing import one_line


class Command(BaseCommand):
    """manage.py revoke_keys NAME --why WORDS"""

    help = (
        "Revoke every key of a client at once, in every worker; issue_key gives it a new one. "
        'Example: python manage.py revoke_keys website-bot --why "the key was in a log"'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare whose keys, and why."""
        parser.add_argument("name", help="the client's name")
        parser.add_argument("--why", required=True, help="kept in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many keys were revoked. Raises CommandError if there was none."""
        with one_line():
            count = clients.revoke_keys(
                actor=Actor.system("revoke_keys"), name=options["name"], why=options["why"]
            )
        if not count:
            raise CommandError(
                f"{options['name']!r} has no key that is valid; nothing was revoked."
            )
        self.stdout.write(f"Revoked {count} key(s) of {options['name']}.")
