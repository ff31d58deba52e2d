"""`up` as a person runs it: a process of its own, stopped, killed, and refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from config.home import database_address
from kb.management.embedded.place import ROOT_FOLDER

pytestmark = pytest.mark.slow
PATIENCE_S = 180


def _as_a_terminal_does() -> None:
    """Whoever runs the suite under nohup ignores SIGHUP; a terminal's programs don't."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


GIVEN = ("DATABASE_URL", "OWNER_DATABASE_URL", "KB_HOME", "HOST", "PORT", "PUBLIC_URL")


@dataclass
class Installation:
    """One KB_HOME and port, and the `up` that runs with them."""

    home: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.home.parent / "up.log"

    def start(self) -> None:
        """Start `up` in a process group of its own and wait until it says it is ready."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--no-starter"],
                cwd=settings.BASE_DIR,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_as_a_terminal_does,  # noqa: PLW1509  nothing here starts threads
            )
        wait_until(lambda: "Touchstone is ready" in self.words(), self)

    def refused(self) -> subprocess.CompletedProcess[str]:
        """Run `up` where it must not come up, and return how it ended."""
        return subprocess.run(
            [sys.executable, "manage.py", "up", "--no-starter"],
            cwd=settings.BASE_DIR,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def environment(self) -> dict[str, str]:
        own = {"KB_HOME": str(self.home), "PORT": str(self.port), "WEB_WORKERS": "1"}
        return {k: v for k, v in os.environ.items() if k not in GIVEN} | own | self.extra

    def words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def family(self) -> dict[str, psutil.Process]:
        """The processes below `up`, by what they do; all of them under "all"."""
        assert self.process
        found = psutil.Process(self.process.pid).children(recursive=True)
        names = {"-m granian": "web", "procrastinate": "worker", "postgres -D": "postgres"}
        named = {}
        for child in found:
            command = ""
            with contextlib.suppress(psutil.Error):  # it may be ending just now
                command = " ".join(child.cmdline()).replace("/bin/", " ")
            for words, name in names.items():
                if words in command:
                    named.setdefault(name, child)
        return named | {f"{number}": child for number, child in enumerate(found)}

    def answers(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/health/ready"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def wait_until(true: Callable[[], bool], installation: Installation) -> None:
    """Poll a process outside of this one: there is nothing to be told by."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        process = installation.process
        assert process
        assert process.poll() is None, installation.words()
        assert time.monotonic() < deadline, installation.words()
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One home for all: making it takes longer than all that is done to it."""
    made = Path(tempfile.mkdtemp(prefix="kb-up-"))
    yield made
    kept_elsewhere = database_address(made / "home").get("folder")
    if kept_elsewhere and Path(kept_elsewhere).parent == ROOT_FOLDER:
        shutil.rmtree(kept_elsewhere)
    shutil.rmtree(made)


@pytest.fixture
def installation(folder: Path) -> Iterator[Installation]:
    made = Installation(home=folder / "home", port=free_port())
    yield made
    if made.process and made.process.poll() is None:
        made.process.send_signal(signal.SIGINT)
        made.process.wait(timeout=30)


def gone(processes: list[psutil.Process], *, within_s: float) -> bool:
    return not psutil.wait_procs(processes, timeout=within_s)[1]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_leaves_no_process_behind(installation: Installation, how: signal.Signals) -> None:
    installation.start()
    family = list(installation.family().values())
    assert installation.process
    os.killpg(installation.process.pid, how)
    assert installation.process.wait(timeout=10) == 0
    assert gone(family, within_s=1)


def test_what_is_killed_is_started_again(installation: Installation) -> None:
    installation.start()
    for name in ("worker", "web", "postgres"):
        killed = installation.family()[name]
        killed.kill()

        def replaced(name: str = name, old: int = killed.pid) -> bool:
            family = installation.family()
            return name in family and family[name].pid != old and installation.answers()

        wait_until(replaced, installation)


def test_after_a_kill_of_up_alone_its_children_go_and_the_next_start_works(
    installation: Installation,
) -> None:
    installation.start()
    family = list(installation.family().values())
    assert installation.process
    installation.process.kill()
    installation.process.wait()
    installation.start()
    assert gone(family, within_s=0)
    assert installation.answers()


def test_after_a_kill_of_everything_the_next_start_works(installation: Installation) -> None:
    installation.start()
    assert installation.process
    for process in [psutil.Process(installation.process.pid), *installation.family().values()]:
        with contextlib.suppress(psutil.NoSuchProcess):  # one falls and takes others with it
            process.kill()
    installation.process.wait()
    installation.start()
    assert installation.answers()


def test_a_second_up_of_the_same_home_is_refused_in_one_line(installation: Installation) -> None:
    installation.start()
    assert installation.process
    ended = Installation(home=installation.home, port=free_port()).refused()
    assert_one_line(ended, f"in use: another Touchstone (process {installation.process.pid})")


def test_logins_and_a_first_question_are_printed_at_every_start(
    installation: Installation,
) -> None:
    starter = installation.home / "starter.json"
    installation.start()
    assert installation.process
    kept = json.loads(starter.read_text(encoding="utf-8"))
    assert starter.stat().st_mode & 0o777 == 0o600
    assert all(person["password"] in installation.words() for person in kept["people"])
    installation.process.send_signal(signal.SIGINT)
    installation.process.wait(timeout=10)
    installation.start()
    assert all(person["password"] in installation.words() for person in kept["people"])


def test_a_taken_port_is_refused_in_one_line(installation: Installation) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", installation.port))
        holder.listen()
        ended = installation.refused()
    assert_one_line(ended, f"127.0.0.1:{installation.port} is taken")


def test_a_home_that_is_a_file_is_refused_in_one_line(
    installation: Installation, tmp_path: Path
) -> None:
    installation.home = tmp_path / "home"
    installation.home.write_text("not a folder", encoding="utf-8")
    assert_one_line(installation.refused(), f"KB_HOME {installation.home} can't be used")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_closed_home_is_refused_in_one_line(installation: Installation, tmp_path: Path) -> None:
    installation.home = tmp_path / "home"
    installation.home.mkdir(mode=0o500)
    assert_one_line(installation.refused(), f"KB_HOME {installation.home} can't be used")


def test_an_unreachable_database_is_refused_in_one_line(installation: Installation) -> None:
    installation.extra = {"DATABASE_URL": f"postgres://u:secret@127.0.0.1:{free_port()}/kb"}
    ended = installation.refused()
    assert_one_line(ended, "can't be reached")
    assert "secret" not in ended.stderr


def test_an_address_of_another_machine_is_refused_in_one_line(installation: Installation) -> None:
    installation.extra = {"HOST": "192.0.2.1"}
    assert_one_line(installation.refused(), "is no address of this machine")


def assert_one_line(ended: subprocess.CompletedProcess[str], words: str) -> None:
    assert ended.returncode == 1, ended.stderr
    assert words in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
