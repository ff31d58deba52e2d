"""`backup`: the whole database, and the keys it depends on, in one file.

It decides nothing about the content and changes nothing. Run by operators, from a timer as a rule.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.home import HomeError
from kb.conf import settings as kb_settings
from kb.management.embedded.access import owner_access
from kb.management.embedded.archive import Keys, write_archive
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.processes import StopRequestedError, StopSignal
from kb.management.embedded.progress import ByteProgress


class Command(BaseCommand):
    """Write a backup file."""

    help = (
        "Write the database and the keys it depends on to FILE (mode 0600), whole or not at all. "
        "The service may be running or stopped. Whoever holds the file can read everything and "
        "sign citations: keep it as you keep the service. "
        "Example: python manage.py backup /backups/monday.backup"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path, metavar="FILE", help="an existing file is replaced")

    def handle(self, *, file: Path, **_options: Any) -> None:
        """Write the file, or say in one line why not."""
        stop = StopSignal()
        stop.install()
        progress = ByteProgress("dumped", self.stderr)
        kept = kb_settings()
        try:
            with owner_access(stop=stop, say=self.stderr.write) as access:
                if not access.relations:
                    raise CannotRunError("The database is empty: there is nothing to back up.")
                write_archive(
                    path=file,
                    access=access,
                    keys=Keys(citation_keys=kept.citation_keys, ledger_key=kept.ledger_key),
                    made_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    stop=stop,
                    progress=progress,
                )
        except (CannotRunError, HomeError) as error:
            raise CommandError(str(error)) from error
        except StopRequestedError as error:
            raise CommandError("Stopped; no backup was written.") from error
        self.stdout.write(f"Wrote {file} ({file.stat().st_size:,} bytes).")
