"""`rebuild_indexes`: make this machine's search indexes anew from the database.

The service does it by itself after any damage; this is for whoever wants it done now, for instance
after restoring a backup or changing the encoder. Questions go on being answered meanwhile.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from kb.inference import encoder
from kb.management.refusing import one_line
from kb.search import keeper, library
from kb.search.errors import IndexUnusableError


class Command(BaseCommand):
    """manage.py rebuild_indexes [--threads N]"""

    help = (
        "Rebuild the search indexes in KB_HOME from the database, while the service goes on. "
        "Example: python manage.py rebuild_indexes --threads 2"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --threads."""
        parser.add_argument(
            "--threads",
            type=int,
            default=max(1, (os.cpu_count() or 1) // 2),
            help="passages to embed at once (default: half of the processors)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild both indexes and print what they hold. Raises CommandError if it can't."""
        threads = max(1, options["threads"])
        with one_line(), tqdm(unit=" passages", disable=None, leave=False) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            try:
                built = keeper.rebuild(progress=show, threads=threads)
                library.rebuild_library()
            except (OSError, IndexUnusableError) as error:
                raise CommandError(f"The indexes can't be rebuilt: {error}") from error
        self.stdout.write(f"Search index: {built.size} passages, {_meaning()}.")
        self.stdout.write("Editors' index: rebuilt.")


def _meaning() -> str:
    found = encoder.status()
    return f"with vectors of {found.name}" if found.available else "by words alone (no encoder)"
