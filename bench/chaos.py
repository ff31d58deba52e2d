"""`make chaos`: kill -9 in the middle of imports, publications and answers, again and again.

Each round starts everything with `up`, loads it from three sides, kills the server, PostgreSQL or
all of it at a random moment, and starts again. Then it checks what must hold whatever happened:
each acknowledged answer is in the ledger, each acknowledged publication is in force, an import is
there whole or not at all, the audit chain verifies, and no rule of the tables is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from kb.management.embedded.place import prepare_place

ROOT = Path(__file__).resolve().parent.parent
START_PATIENCE_S = 180.0
RECORDS = 60


class Site:
    """One installation under attack: its home, its port, and what it acknowledged."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.endswith("DATABASE_URL")},
            "KB_HOME": str(home),
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "ERROR",
        }
        self.home = home
        self.key = ""
        self.answers: set[str] = set()
        self.versions: set[int] = set()
        self.imports: set[str] = set()
        self._lock = threading.Lock()

    def manage(self, *arguments: str) -> str:
        """Run a command of the service; raise with its words if it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    @contextlib.contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start everything and wait until it is ready; kill what is left at the end."""
        log = (self.home / "chaos.log").open("ab")
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--no-starter"],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            self._wait(up)
            yield up
        finally:
            kill_everything(self.home, up)

    def _wait(self, up: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < until:
            if up.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/health/ready")
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.1)
        tail = (self.home / "chaos.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"The service didn't come back:\n{tail}")

    def ask_until(self, stop: threading.Event) -> None:
        """Ask without pause; remember each answer whose reply was read whole."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        number = 0
        while not stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                while not stop.is_set():
                    number += 1
                    body = json.dumps({"query": f"what happens to parcel {number}"})
                    connection.request("POST", "/api/v1/answers", body=body, headers=headers)
                    response = connection.getresponse()
                    reply = json.loads(response.read())
                    if response.status == 200:
                        with self._lock:
                            self.answers.add(reply["id"])
                    elif response.status not in (503, 500, 502):
                        raise RuntimeError(f"unexpected {response.status}: {reply}")

    def publish_until(self, stop: threading.Event) -> None:
        """Publish in a process of its own; remember what it acknowledged."""
        load = subprocess.Popen(
            [sys.executable, "-m", "bench.chaos_load", "chaos-author", "chaos-approver"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        reader = threading.Thread(target=self._read_published, args=(load,))
        reader.start()
        stop.wait()
        load.kill()
        reader.join()

    def _read_published(self, load: subprocess.Popen[str]) -> None:
        for line in load.stdout or ():
            word, _, number = line.strip().partition(" ")
            if word == "published" and number.isdecimal():
                self.versions.add(int(number))

    def import_until(self, stop: threading.Event) -> None:
        """Import file after file; remember those that were acknowledged."""
        while not stop.is_set():
            source = f"chaos-{random.getrandbits(40):x}"
            path = self.home / f"{source}.jsonl"
            path.write_text("".join(record(source, at) for at in range(RECORDS)))
            with contextlib.suppress(RuntimeError):
                people = ("--author", "chaos-author", "--approver", "chaos-approver")
                self.manage("import_articles", str(path), "--source", source, *people)
                self.imports.add(source)

    def faults(self) -> list[str]:
        """Return every promise that doesn't hold; the service must be up."""
        asked = {
            "answers": sorted(self.answers),
            "versions": [str(one) for one in sorted(self.versions)],
            "imports": sorted(self.imports),
        }
        done = subprocess.run(
            [sys.executable, "-m", "bench.chaos_check"],
            cwd=ROOT,
            env=self.environment,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
        )
        self.manage("verify_audit")
        found: list[str] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


def record(source: str, at: int) -> str:
    """Return one line of an import file."""
    body = f"## Item {at}\n\nItem {at} of {source} is kept for {at + 1} days, then sold."
    return json.dumps(
        {"id": f"{source}-{at}", "title": f"Item {at} of {source}", "body": body,
         "audience": "public"}
    ) + "\n"  # fmt: skip


def of_home(home: Path) -> list[psutil.Process]:
    """Return the processes of this installation: each names its home, or is a child of one."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            named = any(str(home) in part for part in process.cmdline())
            ours = process.environ().get("KB_HOME") == str(home)
            if (named or ours) and process.pid != os.getpid():
                found[process.pid] = process
                found.update({child.pid: child for child in process.children(recursive=True)})
    return list(found.values())


def kill_everything(home: Path, up: subprocess.Popen[bytes]) -> None:
    """kill -9 whatever runs for this home, and wait for it."""
    for process in of_home(home):
        with contextlib.suppress(psutil.Error):
            process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(up.pid, signal.SIGKILL)
    up.wait()
    psutil.wait_procs(of_home(home), timeout=20)


def victims(home: Path, kind: str) -> list[psutil.Process]:
    """Return what to kill: the web server, PostgreSQL, or everything."""
    found = of_home(home)
    if kind == "everything":
        return found
    wanted = "granian" if kind == "server" else "postgres"
    chosen = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            if wanted in " ".join(process.cmdline()) or wanted in process.name():
                chosen.append(process)
    return chosen


def attack(site: Site, up: subprocess.Popen[bytes], kind: str) -> None:
    """Load the site from three sides and kill -9 at a random moment."""
    stop = threading.Event()
    loads: list[Any] = [site.ask_until, site.ask_until, site.publish_until, site.import_until]
    threads = [threading.Thread(target=load, args=(stop,), daemon=True) for load in loads]
    for thread in threads:
        thread.start()
    # The moment of the blow is random on purpose; nothing is asserted about it.
    time.sleep(random.uniform(1.5, 5.0))
    for process in victims(site.home, kind):
        with contextlib.suppress(psutil.Error):
            process.kill()
    time.sleep(0.3)
    stop.set()
    kill_everything(site.home, up)
    for thread in threads:
        thread.join(30)


def main() -> None:
    """Run the rounds and print one line each; exit 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    random.seed(seed)
    print(f"{options.rounds} rounds, --seed {seed}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="touchstone-chaos-") as folder,
        cluster_removed(Path(folder)),
    ):
        site = Site(Path(folder))
        prepare(site)
        for at in range(options.rounds):
            kind = random.choice(["server", "postgresql", "everything"])
            with site.started() as up:
                attack(site, up, kind)
            check(site, at + 1, kind)
    print(f"OK: {options.rounds} rounds, nothing acknowledged was lost, every rule holds")


@contextlib.contextmanager
def cluster_removed(home: Path) -> Iterator[None]:
    """Remove the cluster at the end: as root it lies outside of its home."""
    try:
        yield
    finally:
        shutil.rmtree(prepare_place(home=home).folder, ignore_errors=True)


def prepare(site: Site) -> None:
    """First start: people, a group and a client's key."""
    with site.started():
        for name, role in (("chaos-author", "editor"), ("chaos-approver", "approver")):
            site.manage("create_person", name, "--role", role)
        site.key = site.manage("create_client", "chaos", "--audience", "public")


def check(site: Site, at: int, kind: str) -> None:
    """Start again after the blow and hold the promises against what was acknowledged."""
    began = time.monotonic()
    with site.started():
        back = time.monotonic() - began
        faults = site.faults()
    print(
        f"round {at}: {kind} killed, back in {back:.1f} s; so far {len(site.answers)} answers, "
        f"{len(site.versions)} publications, {len(site.imports)} imports acknowledged",
        flush=True,
    )
    if faults:
        raise SystemExit("BROKEN: " + "; ".join(faults))


if __name__ == "__main__":
    main()
