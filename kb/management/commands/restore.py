"""`restore`: a backup into an empty database, with the keys it depends on.

It refuses a database that holds anything: nothing is ever overwritten. Run by operators.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.home import HomeError, adopt_keys, load_secrets
from kb.conf import settings as kb_settings
from kb.management.embedded.access import owner_access
from kb.management.embedded.archive import Keys, read_keys, restore_archive
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.processes import StopRequestedError, StopSignal, finish, inherited, step
from kb.management.embedded.progress import ByteProgress


class Command(BaseCommand):
    """Restore a backup file."""

    help = (
        "Restore FILE into a database that is still empty, then bring its tables to this version "
        "and give the roles their rights. The citation and ledger keys in KB_HOME become the "
        "backup's. Example: KB_HOME=/srv/new python manage.py restore /backups/monday.backup"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path, metavar="FILE", help="written by `backup`")

    def handle(self, *, file: Path, **_options: Any) -> None:
        """Restore all of it or nothing, or say in one line why not."""
        stop = StopSignal()
        stop.install()
        try:
            keys = read_keys(file)
            with owner_access(stop=stop, say=self.stderr.write) as access:
                if access.relations:
                    raise CannotRunError(
                        "The database isn't empty, and a restore never overwrites: set KB_HOME to "
                        "a new folder, or DATABASE_URL to a new database."
                    )
                self._warn_of_given_keys(keys)
                # First the keys: an empty database needs none, so a failure after this harms none.
                adopt_keys(
                    settings.KB_HOME,
                    citation_keys=keys.citation_keys,
                    ledger_key=keys.ledger_key,
                )
                progress = ByteProgress("restored", self.stderr)
                restore_archive(path=file, access=access, stop=stop, progress=progress)
                self._prepare(stop)
        except (CannotRunError, HomeError) as error:
            raise CommandError(str(error)) from error
        except StopRequestedError as error:
            raise CommandError("Stopped; the database was left empty.") from error
        self.stdout.write(f"Restored {file}. Start the service: its indexes are built anew.")

    def _prepare(self, stop: StopSignal) -> None:
        command = [sys.executable, "manage.py", "prepare_database", "--verbosity", "0"]
        with step(command=command, environment=inherited(), folder=settings.BASE_DIR) as process:
            if finish(process, stop):
                raise CannotRunError(
                    "Restored, but `prepare_database` failed: its own words are above."
                )

    def _warn_of_given_keys(self, keys: Keys) -> None:
        """Say so when keys given from outside, which win over KB_HOME's, aren't the backup's."""
        kept, now = load_secrets(settings.KB_HOME), kb_settings()
        given = {
            "KB_CITATION_KEYS": now.citation_keys not in (kept.citation_keys, keys.citation_keys),
            "KB_LEDGER_KEY": now.ledger_key not in (kept.ledger_key, keys.ledger_key),
        }
        for name in (name for name, differs in given.items() if differs):
            self.stderr.write(
                f"{name} is set and differs from the backup's: what was issued before can't be "
                "verified until its keys are in it too."
            )
