"""The embedded PostgreSQL cluster: made once, started, waited for with patience, stopped.

It decides how the server is configured. It listens on a socket folder of mode 0700 and nowhere
else, every role signs in with a scram password, and what is committed is on disk. It never
removes a data folder. Called by the commands `up`, `run_with_database`, `backup` and `restore`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config.home import HomeError, Secrets
from kb.management.embedded.binaries import Binaries, binaries_for, copy_readable
from kb.management.embedded.creation import SERVER_ENVIRONMENT, create_data
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.leftovers import stop_orphaned_server
from kb.management.embedded.place import (
    PORT,
    ROOT_FOLDER,
    Place,
    prepare_place,
    write_address,
)
from kb.management.embedded.processes import StopSignal, end, held_alone, spawn
from kb.management.embedded.roles import SUPERUSER, connect, ensure_roles, reset_superuser

_LOG_LIMIT_BYTES = 10_000_000
_SHUTDOWN_S = 5.0
_RESTART_S = 30.0
_THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class _Wish:
    """How the caller wants the cluster run; see `running_cluster`."""

    secrets: Secrets
    stop: StopSignal
    say: Callable[[str], None]
    durable: bool


@dataclass
class Cluster:
    """A running embedded PostgreSQL."""

    place: Place
    binaries: Binaries
    server: subprocess.Popen[bytes]
    _wish: _Wish

    def revive(self) -> None:
        """Start the server again after it ended by itself. Raises CannotRunError."""
        stop_orphaned_server(self.place)
        self.server = _started(self.place, self.binaries, self._wish)


def _silent(_line: str) -> None:
    return None


@contextlib.contextmanager
def running_cluster(
    *,
    home: Path,
    secrets: Secrets,
    stop: StopSignal,
    say: Callable[[str], None] = _silent,
    durable: bool = True,
    root_folder: Path = ROOT_FOLDER,
) -> Iterator[Cluster]:
    """Run `home`'s cluster while the block runs; make it first if there is none.

    `say` gets a line for the person when a wait grows long. `durable=False` gives up safety for
    speed, for data nobody will miss. Raises CannotRunError, and StopRequestedError when `stop`
    asks during the start.
    """
    wish = _Wish(secrets=secrets, stop=stop, say=say, durable=durable)
    place = prepare_place(home=home, root_folder=root_folder)
    refusal = f"{home} is in use: another Touchstone (process {{pid}}) runs its database."
    with held_alone(place.folder / "lock", refusal=refusal):
        binaries = _ready_to_start(place, wish)
        server = _started(place, binaries, wish)
        cluster = Cluster(place=place, binaries=binaries, server=server, _wish=wish)
        try:
            ensure_roles(place=place, secrets=secrets)
            yield cluster
        finally:
            stop_server(cluster.server)


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Stop a server: fast shutdown, then an immediate one (the next start recovers)."""
    for how, patience_s in ((signal.SIGINT, _SHUTDOWN_S), (signal.SIGQUIT, 1.0)):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            server.send_signal(how)
            server.wait(timeout=patience_s)
            return
    end(process=server, how=signal.SIGKILL, patience_s=5)


def _ready_to_start(place: Place, wish: _Wish) -> Binaries:
    """Clear away what a killed start left, make the cluster if there is none, note where it is."""
    try:
        if stop_orphaned_server(place):
            wish.say("Stopped the PostgreSQL that an earlier, killed start had left running.")
        if place.older:
            wish.say(
                f"An older database of this path, of a removed KB_HOME, stays in {place.older}."
            )
        binaries = binaries_for(data_major=place.data_major)
        if place.account:
            binaries = copy_readable(binaries=binaries, into=place.folder / "postgresql")
        if place.data_major is None:
            wish.say(f"Making a PostgreSQL {binaries.major} cluster in {place.data}.")
            create_data(
                place=place,
                binaries=binaries,
                password=wish.secrets.superuser_password,
                durable=wish.durable,
                stop=wish.stop,
            )
        write_address(place)
    except (OSError, HomeError) as error:
        raise CannotRunError(f"The embedded database can't be prepared: {error}.") from error
    return binaries


def _started(place: Place, binaries: Binaries, wish: _Wish) -> subprocess.Popen[bytes]:
    """Start the server and return it once it answers."""
    deadline = time.monotonic() + _RESTART_S
    reset = False
    while True:
        log_start = _rotate_log(place.log)
        server = _launch(place, binaries, durable=wish.durable)
        try:
            outcome = _wait_until_ready(server, place, wish)
        except BaseException:
            stop_server(server)
            raise
        if outcome == "ready":
            return server
        stop_server(server)
        said = _log_tail(place.log, log_start)
        if outcome == "password" and not reset:
            reset = True
            wish.say("KB_HOME's secrets are new: giving the database's roles their new passwords.")
            reset_superuser(place=place, binaries=binaries, secrets=wish.secrets)
        elif "shared memory block" in said and time.monotonic() < deadline:
            wish.stop.pause(0.5)  # the last backends of a killed server are still going
        else:
            raise CannotRunError(f"PostgreSQL doesn't start: {said} (more in {place.log})")


def _launch(place: Place, binaries: Binaries, *, durable: bool) -> subprocess.Popen[bytes]:
    folder = '"' + str(place.socket).replace('"', '""') + '"'
    settings = [
        "listen_addresses=",
        f"port={PORT}",
        f"unix_socket_directories={folder}",
        "unix_socket_permissions=0700",
        "logging_collector=off",
        f"touchstone.home={place.home}",  # so that the process names whose it is
        *(() if durable else _THROWAWAY),
    ]
    command = [binaries.tool("postgres"), "-D", str(place.data)]
    for setting in settings:
        command += ["-c", setting]
    handle = os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "ab") as log:
        return spawn(
            command=command,
            environment=SERVER_ENVIRONMENT,
            folder=Path("/"),
            output=log,
            account=place.account,
            death_signal=signal.SIGINT,
        )


def _wait_until_ready(server: subprocess.Popen[bytes], place: Place, wish: _Wish) -> str:
    """Wait as long as the server lives: recovery after a crash may take minutes.

    Returns "ready", "password" (it answers, and refuses ours) or "gone".
    """
    began = time.monotonic()
    next_word_s = 5.0
    while server.poll() is None:
        try:
            connect(place=place, role=SUPERUSER, password=wish.secrets.superuser_password).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                return "password"
        else:
            return "ready"
        waited_s = time.monotonic() - began
        if waited_s > next_word_s:
            wish.say(
                f"PostgreSQL is still starting, perhaps recovering from a crash ({waited_s:.0f} s)."
            )
            next_word_s = waited_s + 10
        wish.stop.pause(0.05)
    return "gone"


def _rotate_log(log: Path) -> int:
    """Begin a new log when the old one is long; return where the new lines will begin."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log.stat().st_size if log.exists() else 0


def _log_tail(log: Path, start: int) -> str:
    """Return the words of the log since `start` that best say why the server ended."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    telling = [line for line in lines if "FATAL:" in line or "PANIC:" in line][:1]
    return " ".join(line.strip() for line in telling or lines[-3:] or ["no reason given"])
