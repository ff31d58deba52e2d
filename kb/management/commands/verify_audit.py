"""`verify_audit`: prove that no audit row was altered, removed, reordered or cut off.

`kb.audit` does the proof; this command prints it. What it can't find: a chain that somebody with
the owner's or a superuser's rights wrote anew from some row on. For that, print the head with
`--anchor`, keep it elsewhere, and give it back later with `--expect`.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kb import audit
from kb.management.refusing import one_line


class Command(BaseCommand):
    """manage.py verify_audit [--anchor] [--expect ROW:HASH]"""

    help = (
        "Verify the audit chain; exit 1 and name each bad row if it doesn't hold. Example: "
        "python manage.py verify_audit --anchor >> /mnt/elsewhere/audit-heads"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how the head is printed and checked."""
        parser.add_argument(
            "--anchor",
            action="store_true",
            help="print only ROW:HASH of the head, to keep elsewhere",
        )
        parser.add_argument(
            "--expect",
            action="append",
            default=[],
            metavar="ROW:HASH",
            help="a head kept from earlier: the row must still be there with that hash",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the head. Raises CommandError if a row is bad."""
        expected = dict(_anchor(text) for text in options["expect"])
        with one_line():
            faults = [f"row {one.audit_id}: {one.what}" for one in audit.verify()]
            faults += _missing(expected)
            head = audit.head()
        if faults:
            for fault in faults:
                self.stderr.write(fault)
            raise CommandError(
                f"The audit chain doesn't hold: {len(faults)} fault(s), named above."
            )
        anchor = f"{head.audit_id}:{head.audit_hash}"
        if options["anchor"]:
            self.stdout.write(anchor)
        else:
            self.stdout.write(f"The audit chain holds: {head.audit_id} rows. Head: {anchor}")


def _anchor(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise CommandError(f"--expect {text!r}: give ROW:HASH as --anchor printed it.")
    return int(found[1]), found[2]


def _missing(expected: dict[int, str]) -> list[str]:
    """Return what is wrong with rows whose hashes were kept elsewhere."""
    left = {number: digest for number, digest in expected.items() if number > 0}
    faults = []
    for row in audit.stored_rows() if left else ():
        digest = left.pop(row.id, None)
        if digest is not None and digest != row.hash:
            faults.append(f"row {row.id}: rewritten: its hash isn't the one that was kept")
    return faults + [f"row {number}: removed: it was the head once" for number in sorted(left)]
