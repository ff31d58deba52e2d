"""`create_client`: a bot or an agent desktop, and its key.

Parses words; `kb.actions.clients` decides. The key is the only thing on standard output, once.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kb.actions import clients
from kb.actions.work import Actor
from kb.management.refusing import instant, one_line
from kb.models import RIGHTS


class Command(BaseCommand):
    """manage.py create_client NAME --audience A [...]"""

    help = (
        "Make a client and print its key, alone, once: only a hash of it is kept. Example: "
        "python manage.py create_client website-bot --audience public --channel chat "
        "--scope region=EU --rate 20/s"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is bound to the key."""
        parser.add_argument("name", help="how the ledger and the audit will call it")
        parser.add_argument(
            "--audience", required=True, help="public, agent or internal: what it may be told"
        )
        parser.add_argument("--channel", default="", help="where it speaks: chat, phone, email")
        parser.add_argument(
            "--scope", nargs="+", action="extend", default=[], metavar="K=V", help="bound terms"
        )
        parser.add_argument(
            "--right",
            nargs="+",
            action="extend",
            default=[],
            metavar="R",
            dest="rights",
            help=f"one or more of {', '.join(RIGHTS)}",
        )
        parser.add_argument("--rate", metavar="N/s", help="requests a second; unlimited unless set")
        parser.add_argument(
            "--purpose",
            default="live",
            help="live (default), or test: its answers never count as told to customers",
        )
        parser.add_argument(
            "--expires-at", metavar="TIME", help="when the key ends, like 2027-01-01T00:00:00Z"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the key. Raises CommandError naming what can't be used."""
        expires_at = instant("--expires-at", options["expires_at"])
        with one_line():
            _client, key = clients.create_client(
                actor=Actor.system("create_client"),
                name=options["name"],
                audience_=options["audience"],
                channel=options["channel"],
                scope_=_terms(options["scope"]),
                rights=options["rights"],
                rate_per_s=_rate(options["rate"]),
                purpose=options["purpose"],
                expires_at=expires_at,
            )
        self.stdout.write(key)


def _terms(words: list[str]) -> dict[str, str]:
    terms: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise CommandError(f"--scope {word!r}: write key=value, such as region=EU")
        if key in terms:
            raise CommandError(f"--scope {key}: is given twice; keep one")
        terms[key] = value
    return terms


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(?:/s)?", text)
    if found is None:
        raise CommandError(f"--rate {text!r}: write requests a second, such as 20/s")
    return float(found[1])
