"""Making the embedded cluster's data folder, once.

It decides what is fixed at birth (encoding, locale, checksums, scram) and the settings an operator
may tune later in the data folder's postgresql.conf. It never touches a data folder that is there.
Called by cluster.py.
"""

from __future__ import annotations

import locale
import os
import shutil
import tempfile
from pathlib import Path

from kb.management.embedded.binaries import Binaries
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.place import Place
from kb.management.embedded.processes import StopSignal, finish, step
from kb.management.embedded.roles import SUPERUSER

# All that PostgreSQL inherits: the caller's locale, PG* variables and secrets are none of it.
SERVER_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
# Written to postgresql.conf once, so that an operator may tune them there.
_FIRST_SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "lc_messages": "C",
    # A failed statement holds what people asked and wrote: that belongs in no log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def create_data(
    *, place: Place, binaries: Binaries, password: str, durable: bool, stop: StopSignal
) -> None:
    """Run initdb beside the final place and move the result there, whole or not at all.

    Raises CannotRunError with initdb's reason, StopRequestedError when `stop` asks meanwhile.
    """
    for unfinished in place.folder.glob("data.new-*"):
        shutil.rmtree(unfinished)
    new = Path(tempfile.mkdtemp(dir=place.folder, prefix="data.new-"))
    handle, password_file = tempfile.mkstemp(dir=place.folder, prefix="password-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(password)
        if place.account:
            for path in (new, password_file):
                os.chown(path, place.account.uid, place.account.gid)
        with tempfile.TemporaryFile() as output:
            initdb = step(
                command=_initdb(binaries, new, password_file, durable=durable),
                environment=SERVER_ENVIRONMENT,
                folder=Path("/"),
                output=output,
                account=place.account,
            )
            with initdb as process:
                failed = finish(process, stop)
            if failed:
                output.seek(0)
                said = output.read().decode("utf-8", "replace").strip().splitlines() or ["?"]
                reason = next((line for line in said if "error:" in line), said[-1])
                raise CannotRunError(f"The database can't be made: {reason}")
        new.rename(place.data)
    finally:
        Path(password_file).unlink(missing_ok=True)
        shutil.rmtree(new, ignore_errors=True)


def _initdb(binaries: Binaries, data: Path, password_file: str, *, durable: bool) -> list[str]:
    command = [
        binaries.tool("initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
    ]
    if binaries.major >= 17:  # sorts by code point and folds the case of every script
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if _has_locale("C.UTF-8"):  # full-text search folds case by this one
        command.append("--lc-ctype=C.UTF-8")
    if not durable:
        command.append("--no-sync")
    return command + [f"--set={name}={value}" for name, value in _FIRST_SETTINGS.items()]


def _has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True
