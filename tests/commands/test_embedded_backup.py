"""`backup` and `restore` between two installations, each a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from config.home import database_address, load_secrets
from kb.management.embedded.place import ROOT_FOLDER

pytestmark = pytest.mark.slow
DESCRIBE = """
import django; django.setup()
from django.db import connections
from kb.models import Person
import sys
Person.objects.using("owner").get_or_create(username="kept") if sys.argv[1:] else None
with connections["owner"].cursor() as cursor:
    for query in (
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
        "SELECT conrelid::regclass::text, conname, contype, convalidated FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
        "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal ORDER BY 1, tgname",
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' ORDER BY 1, 2",
        "SELECT table_name, grantee, privilege_type FROM information_schema.table_privileges"
        " WHERE table_schema = 'public' ORDER BY 1, 2, 3",
    ):
        cursor.execute(query)
        print(*cursor.fetchall(), sep="\\n")
    print(*Person.objects.using("owner").values_list("username", "password"), sep="\\n")
"""


@dataclass
class Home:
    """A KB_HOME and the commands run with it."""

    path: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        given = ("DATABASE_URL", "OWNER_DATABASE_URL", "KB_HOME")
        environment = {k: v for k, v in os.environ.items() if k not in given}
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env=environment | {"KB_HOME": str(self.path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the database running."""
        return self.run("run_with_database", "--throwaway", "--", sys.executable, *words)

    def described(self, *words: str) -> list[str]:
        """What the database holds, and what it refuses to whom."""
        done = self.inside("-c", DESCRIBE, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="kb-backup-"))
    yield made
    for home in made.glob("home*"):
        elsewhere = database_address(home).get("folder")
        if elsewhere and Path(elsewhere).parent == ROOT_FOLDER:
            shutil.rmtree(elsewhere)
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def old(folder: Path) -> Home:
    """An installation that holds somebody."""
    home = Home(folder / "home-old")
    made = home.inside("manage.py", "prepare_database", "--verbosity", "0")
    assert made.returncode == 0, made.stderr
    home.described("add")
    return home


@pytest.fixture(scope="module")
def archive(old: Home, folder: Path) -> Path:
    path = folder / "old.backup"
    done = old.run("backup", str(path))
    assert done.returncode == 0, done.stderr
    return path


def test_a_restored_database_is_the_one_that_was_backed_up(
    old: Home, archive: Path, folder: Path
) -> None:
    new = Home(folder / "home-new")
    done = new.run("restore", str(archive))
    assert done.returncode == 0, done.stderr
    assert new.described() == old.described()
    assert load_secrets(new.path).citation_keys == load_secrets(old.path).citation_keys
    assert load_secrets(new.path).ledger_key == load_secrets(old.path).ledger_key


def test_a_database_that_holds_anything_is_never_restored_over(old: Home, archive: Path) -> None:
    assert_one_line(old.run("restore", str(archive)), "isn't empty")


def test_only_its_owner_can_read_a_backup_and_no_password_is_in_it(
    old: Home, archive: Path
) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(archive) as opened:
        inside = b"".join(opened.read(name) for name in opened.namelist())
    secrets = load_secrets(old.path)
    for password in (secrets.superuser_password, secrets.owner_password, secrets.app_password):
        assert password.encode() not in inside


def test_a_cut_off_backup_is_refused_before_anything_is_written(
    archive: Path, folder: Path
) -> None:
    cut = folder / "cut.backup"
    cut.write_bytes(archive.read_bytes()[:-1000])
    new = Home(folder / "home-cut")
    assert_one_line(new.run("restore", str(cut)), "cut off")
    assert not database_address(new.path)


def test_a_damaged_backup_is_refused_before_anything_is_written(
    archive: Path, folder: Path
) -> None:
    damaged = folder / "damaged.backup"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(bytes(content))
    new = Home(folder / "home-damaged")
    assert_one_line(new.run("restore", str(damaged)), "fails its checksum")
    assert not database_address(new.path)


def test_a_backup_that_cannot_be_written_leaves_nothing_behind(old: Home, folder: Path) -> None:
    assert_one_line(old.run("backup", str(folder / "no" / "such.backup")), "can't be written")
    before = sorted(folder.iterdir())
    (folder / "a-folder").mkdir()
    assert_one_line(old.run("backup", str(folder / "a-folder")), "can't be written")
    (folder / "a-folder").rmdir()
    assert sorted(folder.iterdir()) == before


def test_run_with_database_returns_the_commands_own_code(old: Home) -> None:
    assert old.inside("-c", "raise SystemExit(7)").returncode == 7
    assert_one_line(old.run("run_with_database", "--", "no-such-program"), "can't be started")


def assert_one_line(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
