"""`erase_customer`: remove what one customer wrote; the ledger and the audit stay whole.

`kb.actions.erasing` does it and leaves the tombstone; this command parses and prints.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from kb.actions import erasing
from kb.actions.work import Actor
from kb.management.refusing import one_line


class Command(BaseCommand):
    """manage.py erase_customer REFERENCE [--why WORDS]"""

    help = (
        "Erase what the customer with this reference wrote: questions, history, conversation, the "
        "reference itself. That an answer was given, and from which text, stays. Example: "
        'python manage.py erase_customer c-10442 --why "request of 3 March"'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the reference and the reason."""
        parser.add_argument("reference", help="the customer's reference, as clients send it")
        parser.add_argument("--why", default="", help="kept in the audit; name nobody in it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many answers were touched."""
        with one_line():
            count = erasing.erase_customer(
                actor=Actor.system("erase_customer"),
                reference=options["reference"],
                why=options["why"],
            )
        tombstone = erasing.subject(options["reference"])
        if count:
            self.stdout.write(
                f"Erased from {count} answer(s). The audit says so under {tombstone}."
            )
        else:
            self.stdout.write(f"Nothing was held. The audit says so under {tombstone}.")
