"""`load_starter`: people, a client and the starter's content, for an empty installation.

Runs as the role that owns the tables, because only the owner may shift the clock while the
starter's past is written. What can't be shown again (passwords, the key) is kept in
KB_HOME/starter.json, mode 0600. Does nothing where everything is there. Called by `up`.
"""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.home import write_private
from kb.actions import starting
from kb.actions.starting import Started
from kb.conf import settings
from kb.inference import encoder
from kb.management.embedded.welcome import STARTER_FILE
from kb.management.refusing import one_line


class Command(BaseCommand):
    """manage.py load_starter [--people-only]"""

    help = (
        "Make the first people and a client if nobody exists, and load the starter content if "
        "there are no articles. Example: python manage.py load_starter --people-only"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --people-only."""
        parser.add_argument(
            "--people-only", action="store_true", help="make people and client, load no content"
        )

    def handle(self, *args: Any, people_only: bool, **options: Any) -> None:
        """Load what is missing and say so. Raises CommandError."""
        content = not people_only
        try:
            with one_line(), acting_as_owner():
                using = encoder.current() if content and starting.wants_content() else None
                started = starting.start(content=content, encoder=using, keep=_keep)
        except OSError as error:
            raise CommandError(f"{_path()} can't be written: {error.strerror}") from error
        if started.people:
            self.stdout.write(f"Made {len(started.people)} people and a client: see {_path()}.")
        if started.articles:
            self.stdout.write(f"Loaded the starter content: {started.articles} articles.")
        if started.reason:
            self.stderr.write(f"No starter content: {started.reason}.")


@contextmanager
def acting_as_owner() -> Iterator[None]:
    """Let the database's default connection be the owner's while the block runs."""
    usual = connections["default"]
    connections["default"] = connections["owner"]
    try:
        yield
    finally:
        connections["owner"].close()
        connections["default"] = usual


def _path() -> str:
    return str(settings().home / STARTER_FILE)


def _keep(started: Started) -> None:
    """Write what is shown at every start; the address in the line is put right when it is."""
    body = shlex.quote(json.dumps({"query": started.question}))
    curl = (
        f"curl -s {settings().public_url}/api/v1/answers "
        f'-H "Authorization: Bearer {started.client_key}" '
        f'-H "Content-Type: application/json" -d {body}'
    )
    content = {
        "people": started.people,
        "client": starting.CLIENT,
        "client_key": started.client_key,
        "question": started.question,
        "curl": curl,
    }
    write_private(settings().home / STARTER_FILE, json.dumps(content, indent=1) + "\n")
