"""`run_with_database`: a command with the embedded PostgreSQL running, for tests and upkeep.

It decides nothing about the command. It never touches tables, so it works before any migration.
Used by `make test` (with a KB_HOME of its own) and by operators while the service is stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.home import load_secrets
from kb.management.embedded.cluster import running_cluster
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.processes import StopRequestedError, StopSignal, tie_to_parent

_PATIENCE_S = 10.0


class Command(BaseCommand):
    """Run a command with the database running."""

    help = (
        "Run a command with the embedded PostgreSQL of KB_HOME running, and stop it afterwards. "
        "With DATABASE_URL set, just run the command. Returns the command's exit code. Example: "
        "python manage.py run_with_database -- python manage.py backup monday.backup"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the command after `--`, as it is."""
        parser.add_argument(
            "--throwaway",
            action="store_true",
            help="trade the data's safety for speed (fsync off): for databases nobody will miss",
        )
        parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")

    def handle(self, *, throwaway: bool, command: list[str], **_options: Any) -> None:
        """Start the database, run the command, stop the database, exit with its code."""
        words = command[1:] if command[:1] == ["--"] else command
        if not words:
            raise CommandError("Name a command after `--`.")
        stop = StopSignal()
        stop.install()
        try:
            with contextlib.ExitStack() as stack:
                if settings.EMBEDDED:
                    cluster = running_cluster(
                        home=settings.KB_HOME,
                        secrets=load_secrets(settings.KB_HOME),
                        stop=stop,
                        say=lambda line: self.stderr.write(line, ending="\n"),
                        durable=not throwaway,
                    )
                    stack.enter_context(cluster)
                code = _run(words, stop)
        except CannotRunError as error:
            raise CommandError(str(error)) from error
        except StopRequestedError:
            code = 128 + (stop.received or signal.SIGINT)
        sys.exit(code)


def _run(words: list[str], stop: StopSignal) -> int:
    """Run in the foreground: the terminal, its input and its Ctrl-C belong to the command."""
    try:
        process = subprocess.Popen(
            words,
            preexec_fn=tie_to_parent(signal.SIGTERM),  # noqa: PLW1509  this process has one thread
        )
    except OSError as error:
        raise CannotRunError(f"{words[0]} can't be started: {error.strerror}.") from error
    try:
        while process.poll() is None:
            stop.pause(0.05)
    except StopRequestedError:
        if stop.received != signal.SIGINT:  # a terminal sends that one to the command as well
            process.terminate()
        try:
            process.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    code = process.returncode
    return 128 - code if code < 0 else code
