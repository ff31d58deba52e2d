"""Keeping the web server and the worker running until somebody stops them.

It decides when a child that ended is started again (with growing pauses) and in which order
things stop. It never decides what the children are. Called by the command `up`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kb.management.embedded.cluster import Cluster
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.leftovers import note_children
from kb.management.embedded.processes import StopSignal, end, spawn

_STOP_S = 3.5
_LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 60.0
_TRIES_BEFORE_READY = 3


@dataclass
class Child:
    """A process to keep running; `name` is what the person at the terminal reads."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    born: float = 0.0
    failures: int = 0
    start_at: float = field(default=0.0)


class Supervisor:
    """Starts `children`, watches them and `cluster`, and ends the children when it closes."""

    def __init__(
        self,
        *,
        children: Sequence[Child],
        cluster: Cluster | None,
        home: Path,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._children = children
        self._cluster = cluster
        self._home = home
        self._folder = folder
        self._say = say
        self.was_ready = False

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_details: object) -> None:
        """End every child within its patience; ask all of them first."""
        running = [child.process for child in self._children if child.process]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for process in running:
            left = max(0.0, deadline - time.monotonic())
            end(process=process, how=None, patience_s=left)

    def tick(self) -> None:
        """Look once at everything; start what isn't running and whose pause is over.

        Raises CannotRunError when a child keeps ending before the service was ever ready, or when
        PostgreSQL can't be brought back.
        """
        if self._cluster is not None and self._cluster.server.poll() is not None:
            self._say("PostgreSQL ended unexpectedly; starting it again.")
            self._cluster.revive()
        changed = False
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._mourn(child)
            if child.process is None and time.monotonic() >= child.start_at:
                child.process = spawn(
                    command=child.command, environment=child.environment, folder=self._folder
                )
                child.born = time.monotonic()
                changed = True
        if changed:
            pids = [child.process.pid for child in self._children if child.process]
            note_children(home=self._home, pids=pids)

    def watch(self, *, stop: StopSignal) -> None:
        """Keep everything running. Only StopRequestedError or CannotRunError end it."""
        while True:
            self.tick()
            stop.pause(0.2)

    def _mourn(self, child: Child) -> None:
        process = child.process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # its own children, if it left any
        healthy = time.monotonic() - child.born > _HEALTHY_S
        child.failures = 1 if healthy else child.failures + 1
        if not self.was_ready and child.failures >= _TRIES_BEFORE_READY:
            raise CannotRunError(
                f"The {child.name} doesn't stay up (exit code {process.returncode}): its own words "
                "are above."
            )
        pause_s = min(_LONGEST_PAUSE_S, 2.0 ** (child.failures - 1))
        self._say(
            f"The {child.name} ended unexpectedly (exit code {process.returncode}); "
            f"starting it again in {pause_s:.0f} s."
        )
        child.process = None
        child.start_at = time.monotonic() + pause_s
