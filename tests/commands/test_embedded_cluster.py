"""The embedded cluster for real: every test makes, kills or breaks one of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from config.home import SECRETS_FILE, database_address, load_secrets
from kb.management.embedded.cluster import Cluster, running_cluster
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.place import DATABASE
from kb.management.embedded.processes import StopRequestedError, StopSignal
from kb.management.embedded.roles import APP, OWNER, SUPERUSER, connect

pytestmark = [
    pytest.mark.slow,
    # A fork with a few lines before its exec, from a test process that may have threads.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
AS_ROOT = os.geteuid() == 0


@dataclass
class Machine:
    """A folder for homes, and one for what root keeps outside of them."""

    folder: Path
    said: list[str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def roots(self) -> Path:
        return self.folder / "var-lib"

    @contextlib.contextmanager
    def running(
        self,
        home: Path | None = None,
        *,
        stop: StopSignal | None = None,
        durable: bool = False,
    ) -> Iterator[Cluster]:
        home = home or self.home
        with running_cluster(
            home=home,
            secrets=load_secrets(home),
            stop=stop or StopSignal(),
            say=self.said.append,
            durable=durable,
            root_folder=self.roots,
        ) as cluster:
            yield cluster


@pytest.fixture
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="kb-"))
    folder.chmod(0o711)  # root's stand-in for /var/lib must be open to the unprivileged account
    yield Machine(folder=folder, said=[])
    shutil.rmtree(folder)


def sign_in(cluster: Cluster, role: str = OWNER, database: str = DATABASE) -> psycopg.Connection:
    secrets = load_secrets(cluster.place.home)
    password = {
        OWNER: secrets.owner_password,
        APP: secrets.app_password,
        SUPERUSER: secrets.superuser_password,
    }[role]
    return connect(place=cluster.place, role=role, password=password, database=database)


def store_a_row(cluster: Cluster) -> None:
    with sign_in(cluster) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (row int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def rows(cluster: Cluster) -> int:
    with sign_in(cluster) as connection:
        found = connection.execute("SELECT count(*) FROM kept").fetchone()
    return int(found[0]) if found else 0


def test_a_second_start_finds_what_the_first_one_stored(machine: Machine) -> None:
    with machine.running() as cluster:
        store_a_row(cluster)
    with machine.running() as cluster:
        assert rows(cluster) == 1
    assert len([line for line in machine.said if line.startswith("Making")]) == 1


def test_the_server_listens_on_a_closed_socket_folder_and_nowhere_else(machine: Machine) -> None:
    with machine.running() as cluster:
        assert cluster.place.socket.stat().st_mode & 0o777 == 0o700
        assert cluster.place.data.stat().st_mode & 0o777 == 0o700
        server = psutil.Process(cluster.server.pid)
        assert not server.net_connections(kind="inet")
        assert f"touchstone.home={machine.home}" in server.cmdline()
        assert (server.username() == "root") is False


def test_settings_are_told_where_the_server_listens(machine: Machine) -> None:
    with machine.running() as cluster:
        address = database_address(machine.home)
        assert (address["host"], address["name"]) == (str(cluster.place.socket), DATABASE)


def test_no_role_signs_in_without_its_password(machine: Machine) -> None:
    with machine.running() as cluster:
        for role in (SUPERUSER, OWNER, APP):
            with pytest.raises(psycopg.OperationalError, match="password"):
                connect(place=cluster.place, role=role, password="wrong")


@pytest.mark.parametrize("table", ["TABLE t (i int)", "TEMPORARY TABLE t (i int)", "SCHEMA mine"])
def test_the_applications_role_can_own_nothing(machine: Machine, table: str) -> None:
    with (
        machine.running() as cluster,
        sign_in(cluster, APP) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"CREATE {table}")


def test_the_owner_is_no_superuser_but_may_clone_databases(machine: Machine) -> None:
    with machine.running() as cluster, sign_in(cluster) as connection:
        found = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )
        assert found.fetchone() == (False, False, True)


def test_letters_of_every_script_are_folded_and_pages_carry_checksums(machine: Machine) -> None:
    with machine.running() as cluster, sign_in(cluster) as connection:
        found = connection.execute(
            "SELECT lower('ÄÉΣ'), current_setting('data_checksums'), current_setting('TimeZone')"
        )
        assert found.fetchone() == ("äéσ", "on", "UTC")


def test_what_was_committed_survives_a_kill_of_the_server(machine: Machine) -> None:
    with machine.running(durable=True) as cluster:
        store_a_row(cluster)
        cluster.server.kill()
        cluster.server.wait()
        cluster.revive()
        assert rows(cluster) == 1
        cluster.server.kill()
    with machine.running(durable=True) as cluster:
        assert rows(cluster) == 1


def test_a_server_left_without_its_starter_is_stopped_first(machine: Machine) -> None:
    with machine.running() as cluster:
        store_a_row(cluster)
        command = psutil.Process(cluster.server.pid).cmdline()
        account = cluster.place.account
    orphan = subprocess.Popen(
        command,
        cwd="/",
        env={},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    while not (cluster.place.data / "postmaster.pid").exists():
        assert orphan.poll() is None
    with machine.running() as cluster:
        assert rows(cluster) == 1
        assert orphan.wait() == 0
    assert any("left running" in line for line in machine.said)


def test_a_lock_file_naming_a_stranger_keeps_nobody_from_starting(machine: Machine) -> None:
    with machine.running() as cluster:
        store_a_row(cluster)
        lock_file = cluster.place.data / "postmaster.pid"
        text = lock_file.read_text(encoding="ascii")
        account = cluster.place.account
    with stranger(account.uid if account else None) as pid:
        lock_file.write_text(str(pid) + text[text.index("\n") :], encoding="ascii")
        with machine.running() as cluster:
            assert rows(cluster) == 1
        assert psutil.pid_exists(pid)


@contextlib.contextmanager
def stranger(uid: int | None) -> Iterator[int]:
    """A live process of the server's own account that has nothing to do with it."""
    process = subprocess.Popen(["sleep", "600"], cwd="/", user=uid)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_one_home_is_run_by_one_process_at_a_time(machine: Machine) -> None:
    with (
        machine.running(),
        pytest.raises(CannotRunError, match=f"in use.*process {os.getpid()}"),
        machine.running(),
    ):
        pass


def test_roles_get_new_passwords_when_the_secrets_were_lost(machine: Machine) -> None:
    with machine.running() as cluster:
        store_a_row(cluster)
    (machine.home / SECRETS_FILE).unlink()
    with machine.running() as cluster:
        assert rows(cluster) == 1
        sign_in(cluster, APP).close()


def test_a_stop_while_the_cluster_is_made_leaves_no_half_of_it(machine: Machine) -> None:
    stop = StopSignal()
    stop.received = signal.SIGINT
    with pytest.raises(StopRequestedError), machine.running(stop=stop):
        pass
    assert not list(machine.folder.rglob("data*"))
    with machine.running() as cluster:
        store_a_row(cluster)


def test_a_damaged_data_folder_is_refused_with_postgresqls_reason(machine: Machine) -> None:
    with machine.running() as cluster:
        (cluster.place.data / "global" / "pg_control").rename(machine.folder / "pg_control")
        cluster.server.kill()
    with (
        pytest.raises(CannotRunError, match=r"doesn't start: .*pg_control.*postgres\.log"),
        machine.running(),
    ):
        pass


def test_data_of_a_major_version_that_is_not_bundled_is_refused(machine: Machine) -> None:
    with machine.running() as cluster:
        data = cluster.place.data
    (data / "PG_VERSION").write_text("12\n", encoding="ascii")
    with pytest.raises(CannotRunError, match="made by PostgreSQL 12"), machine.running():
        pass


def test_a_moved_home_keeps_its_database(machine: Machine) -> None:
    with machine.running() as cluster:
        store_a_row(cluster)
    moved = machine.folder / "elsewhere"
    machine.home.rename(moved)
    with machine.running(moved) as cluster:
        assert rows(cluster) == 1


@pytest.mark.skipif(not AS_ROOT, reason="only root's cluster lies outside KB_HOME")
def test_a_copied_home_is_refused_its_originals_database(machine: Machine) -> None:
    with machine.running():
        pass
    copy = machine.folder / "copy"
    shutil.copytree(machine.home, copy)
    with pytest.raises(CannotRunError, match="is a copy of"), machine.running(copy):
        pass


@pytest.mark.skipif(not AS_ROOT, reason="only root's cluster lies outside KB_HOME")
def test_a_new_home_of_the_same_path_never_wakes_up_with_an_old_database(machine: Machine) -> None:
    with machine.running() as cluster:
        store_a_row(cluster)
        old = cluster.place.folder
    shutil.rmtree(machine.home)
    with machine.running() as cluster:
        assert cluster.place.folder != old
    assert any(str(old) in line for line in machine.said)


@pytest.mark.skipif(not AS_ROOT, reason="only root's cluster lies outside KB_HOME")
def test_a_vanished_database_is_reported_rather_than_made_anew(machine: Machine) -> None:
    with machine.running() as cluster:
        folder = cluster.place.folder
    shutil.rmtree(folder)
    with pytest.raises(CannotRunError, match="which is gone"), machine.running():
        pass


@pytest.mark.skipif(not AS_ROOT, reason="needs two accounts")
def test_root_refuses_a_users_own_database(machine: Machine) -> None:
    (machine.home / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(CannotRunError, match="belongs to the user"), machine.running():
        pass


@pytest.mark.skipif(AS_ROOT, reason="root's socket folder is always short")
def test_a_home_too_deep_for_a_socket_gets_a_private_folder_elsewhere(machine: Machine) -> None:
    deep = machine.folder / ("d" * 100)
    with machine.running(deep) as cluster:
        socket = cluster.place.socket
        assert not socket.is_relative_to(machine.folder)
        store_a_row(cluster)
    shutil.rmtree(socket)
    socket.symlink_to(machine.folder)
    with pytest.raises(CannotRunError, match="own: remove it"), machine.running(deep):
        pass
    socket.unlink()


def test_the_server_goes_when_its_starter_is_killed(machine: Machine) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells a child of its parent's death")
    program = (
        "import sys, signal; from pathlib import Path; from config.home import load_secrets\n"
        "from kb.management.embedded.cluster import running_cluster\n"
        "from kb.management.embedded.processes import StopSignal\n"
        f"home = Path({str(machine.home)!r})\n"
        "with running_cluster(home=home, secrets=load_secrets(home), stop=StopSignal(),\n"
        f"    durable=False, root_folder=Path({str(machine.roots)!r})) as cluster:\n"
        "    print(cluster.server.pid, flush=True); signal.pause()\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    with starter.stdout:
        server = psutil.Process(int(starter.stdout.readline()))
    starter.kill()
    starter.wait()
    server.wait(timeout=20)
    with machine.running() as cluster:
        store_a_row(cluster)
