"""Starting, watching and ending child processes, so that none is ever left behind.

It decides how a child is born (a session of its own, gone with its parent where the system can do
that) and how it ends (asked first, forced after its patience). It never decides what to start.
Called by the rest of this package and by the commands `up` and `run_with_database`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from kb.management.embedded.errors import CannotRunError

TICK_S = 0.05
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


@dataclass(frozen=True)
class Account:
    """An unprivileged user of this machine, as whom a child runs when we are root."""

    name: str
    uid: int
    gid: int


class StopRequestedError(Exception):
    """Somebody asked this process to stop; raised only where stopping is safe."""


class StopSignal:
    """Remembers SIGINT, SIGTERM and SIGHUP; loops ask it where stopping is safe.

    An exception thrown from the handler itself could fall between a child's birth and our noting
    it; a remembered wish can't.
    """

    def __init__(self) -> None:
        self.received: int | None = None

    def install(self) -> None:
        """Begin to listen. A hang-up that was ignored from outside (nohup) stays ignored."""
        signal.signal(signal.SIGINT, self._remember)
        signal.signal(signal.SIGTERM, self._remember)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._remember)

    def check(self) -> None:
        """Do nothing, or raise StopRequestedError."""
        if self.received is not None:
            raise StopRequestedError

    def pause(self, seconds: float) -> None:
        """Wait `seconds`. Raises StopRequestedError as soon as a stop is asked for."""
        end = time.monotonic() + seconds
        while True:
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(TICK_S, left))

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.received = number


def tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what a child does before it starts, so that it goes when this process is killed.

    For Popen's `preexec_fn`; None where the system can't do it.
    """
    libc, parent = _LIBC, os.getpid()
    if libc is None:
        return None

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie


def inherited(**more: str) -> dict[str, str]:
    """Return this process's environment with `more`, for a child: passed on, never read here."""
    return {**os.environ, **more}


def spawn(
    *,
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    output: int | IO[bytes] | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own and return it.

    A terminal's Ctrl-C doesn't reach it: its starter ends it, in order. If its starter is killed,
    Linux sends it `death_signal`. `account` drops root's privileges. Raises CannotRunError.
    """
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    try:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            start_new_session=True,
            preexec_fn=tie_to_parent(death_signal),  # noqa: PLW1509  the parent has one thread
            **identity,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotRunError(f"{command[0]} can't be started: {error}.") from error


def end(*, process: subprocess.Popen[bytes], how: signal.Signals | None, patience_s: float) -> None:
    """End a child that `spawn` started: ask with `how`, then kill what is left of its group.

    `how` None means that it was asked already.
    """
    if how is not None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def step(
    *,
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    output: IO[bytes] | None = None,
    account: Account | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a preparing step beside the block, and end it with the block if it still runs.

    `output` None shows what it says. Raises CannotRunError when it can't be started.
    """
    process = spawn(
        command=command, environment=environment, folder=folder, output=output, account=account
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            end(process=process, how=signal.SIGTERM, patience_s=5)


def finish(process: subprocess.Popen[bytes], stop: StopSignal) -> int:
    """Wait for a step's end and return its exit code. Raises StopRequestedError."""
    while process.poll() is None:
        stop.pause(TICK_S)
    return process.returncode


@contextlib.contextmanager
def held_alone(path: Path, *, refusal: str) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    The lock goes with the process, however it ends. Raises CannotRunError with `refusal` (its
    `{pid}` filled in) when another live process holds it.
    """
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CannotRunError(refusal.format(pid=holder)) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
