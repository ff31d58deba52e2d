"""`up`: everything for one machine, in one process that is watched and stopped with Ctrl-C.

It decides the order: checks, database, preparation, web and worker, and the words printed once the
service is ready. Everything it starts ends with it. The rules of the content are elsewhere:
`prepare_database`, `prepare_encoder` and `load_starter` are commands of their own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.home import HomeError, load_secrets
from kb.conf import settings as kb_settings
from kb.management.embedded.checks import check_database, check_home, check_port
from kb.management.embedded.cluster import Cluster, running_cluster
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.leftovers import end_noted_children
from kb.management.embedded.processes import (
    StopRequestedError,
    StopSignal,
    finish,
    held_alone,
    inherited,
    step,
)
from kb.management.embedded.supervisor import Child, Supervisor
from kb.management.embedded.welcome import ask_health, welcome

_MOST_THREADS = 8
_NEWS_EVERY_S = 15.0


class Command(BaseCommand):
    """Start everything and keep it running."""

    help = (
        "Start everything for one machine: the embedded PostgreSQL (unless DATABASE_URL is set), "
        "migrations, starter content if the database is empty, the web server and the worker. "
        "Ctrl-C stops all of it. Example: PORT=8080 python manage.py up --no-starter"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the one option."""
        parser.add_argument(
            "--no-starter",
            action="store_true",
            help="make the first people, but load no starter content",
        )

    def handle(self, *, no_starter: bool, **_options: Any) -> None:
        """Run until stopped; exit 0 after a stop, 1 with one line after a refusal."""
        stop = StopSignal()
        stop.install()
        try:
            with contextlib.ExitStack() as stack:
                self._run(stack, stop, no_starter=no_starter)
        except StopRequestedError:
            self._say("Touchstone has stopped.")
        except (CannotRunError, HomeError) as error:
            sys.exit(str(error))

    def _run(self, stack: contextlib.ExitStack, stop: StopSignal, *, no_starter: bool) -> None:
        home = settings.KB_HOME
        check_home(home)
        refusal = f"{home} is in use: another Touchstone (process {{pid}}) runs with it."
        stack.enter_context(held_alone(home / "up.lock", refusal=refusal))
        end_noted_children(home=home)
        check_port(host=settings.HOST, port=settings.PORT)
        if kb_settings().web_workers < 1:
            raise CannotRunError("WEB_WORKERS must be 1 or more.")
        if not settings.EMBEDDED:
            check_database("default")
            check_database("owner")
        # The encoder needs no database, so the two get ready side by side.
        encoder = stack.enter_context(self._step("prepare_encoder", "--optional"))
        cluster = self._cluster(stack, stop)
        with self._step("prepare_database", "--verbosity", "0") as process:
            self._finish(process, stop)
        self._finish(encoder, stop)
        with self._step("load_starter", *(["--people-only"] if no_starter else [])) as process:
            self._finish(process, stop)
        supervisor = Supervisor(
            children=_children(),
            cluster=cluster,
            home=home,
            folder=settings.BASE_DIR,
            say=self._say,
        )
        stack.callback(lambda: self._say("Stopping."))
        stack.enter_context(supervisor)
        self._wait_until_ready(supervisor, stop)
        self._say(welcome(home=home, address=settings.PUBLIC_URL))
        supervisor.watch(stop=stop)

    def _cluster(self, stack: contextlib.ExitStack, stop: StopSignal) -> Cluster | None:
        if not settings.EMBEDDED:
            return None
        home = settings.KB_HOME
        return stack.enter_context(
            running_cluster(home=home, secrets=load_secrets(home), stop=stop, say=self._say)
        )

    def _step(self, *words: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """Run a preparing command in a process that reads the database's new address."""
        command = [sys.executable, "manage.py", *words]
        return step(command=command, environment=inherited(), folder=settings.BASE_DIR)

    def _finish(self, process: subprocess.Popen[bytes], stop: StopSignal) -> None:
        if finish(process, stop):
            words = " ".join(list(process.args)[1:])  # type: ignore[arg-type]
            raise CannotRunError(f"`{words}` failed: its own words are above.")

    def _wait_until_ready(self, supervisor: Supervisor, stop: StopSignal) -> None:
        began = time.monotonic()
        next_word_s = _NEWS_EVERY_S
        while True:
            supervisor.tick()
            health = ask_health(settings.HOST, settings.PORT, settings.PUBLIC_URL)
            if health.ready:
                supervisor.was_ready = True
                return
            waited_s = time.monotonic() - began
            if waited_s >= next_word_s:
                self._say(f"Not ready after {waited_s:.0f} s: {health.words}")
                next_word_s = waited_s + _NEWS_EVERY_S
            # Each answer that isn't yet "ready" leaves a line in the log; silence leaves none.
            stop.pause(0.5 if health.answered else 0.05)

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that is gone must not keep us from stopping
            self.stdout.write(line)
            self.stdout.flush()


def _children() -> list[Child]:
    web = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--workers", str(kb_settings().web_workers)),
        *("--blocking-threads", str(min(_MOST_THREADS, 2 * (os.cpu_count() or 1) + 1))),
        *("--respawn-failed-workers", "--workers-kill-timeout", "3"),
        *("--log-level", "warning", "config.wsgi:application"),
    ]
    worker = [
        *(sys.executable, "manage.py", "procrastinate", "worker"),
        *("--shutdown-graceful-timeout", "3"),
    ]
    return [
        Child(name="web server", command=web, environment=inherited(KB_DATABASE_POOL="1")),
        Child(name="worker", command=worker, environment=inherited()),
    ]
