"""What an earlier, killed start left behind, and how it is cleared away.

It decides whether a live process is truly ours: a process id alone proves nothing, since the
system gives it to others again. It never touches a process it can't name. Called by cluster.py
and by supervisor.py, both while they hold the lock that proves no live starter owns it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from config.home import write_private
from kb.management.embedded.place import PORT, Place

CHILDREN_FILE = "children.json"


def stop_orphaned_server(place: Place, *, patience_s: float = 30) -> bool:
    """Stop a PostgreSQL that still serves `place` without a starter; return whether there was one.

    Also removes lock files that name a process which is something else by now: PostgreSQL would
    take that stranger for its rival and refuse to start.
    """
    pid_file = place.data / "postmaster.pid"
    pid = _first_number(pid_file)
    server = _postgres_of(place, pid)
    if server is not None:
        for how, wait_s in (
            (signal.SIGINT, patience_s),
            (signal.SIGQUIT, 10),
            (signal.SIGKILL, 10),
        ):
            with contextlib.suppress(psutil.NoSuchProcess):
                server.send_signal(how)
                with contextlib.suppress(psutil.TimeoutExpired):
                    server.wait(timeout=wait_s)
                    break
    elif pid is not None and psutil.pid_exists(pid):
        pid_file.unlink(missing_ok=True)
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (place.socket / name).unlink(missing_ok=True)
    return server is not None


def note_children(*, home: Path, pids: Sequence[int]) -> None:
    """Write down which children run now, each with its birth, for the start after a kill."""
    children = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            children.append({"pid": pid, "born": psutil.Process(pid).create_time()})
    write_private(home / CHILDREN_FILE, json.dumps(children))


def end_noted_children(*, home: Path, patience_s: float = 6) -> None:
    """End the children of an earlier start, and their own, that outlived it."""
    try:
        noted = json.loads((home / CHILDREN_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return
    left = [each for child in noted for each in _group_of(child["pid"], child["born"])]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=patience_s)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience_s)
    (home / CHILDREN_FILE).unlink(missing_ok=True)


def _group_of(leader: int, born: float) -> list[psutil.Process]:
    """Return the live members of the session that `leader` opened when it was born."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            same_leader = process.pid != leader or abs(process.create_time() - born) < 1
            if (
                os.getsid(process.pid) == leader
                and same_leader
                and process.create_time() > born - 1
            ):
                members.append(process)
    return members


def _postgres_of(place: Place, pid: int | None) -> psutil.Process | None:
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
    except psutil.Error:
        return None
    ours = bool(command) and Path(command[0]).name == "postgres" and str(place.data) in command
    return process if ours else None


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
