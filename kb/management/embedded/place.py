"""Where the embedded cluster of one KB_HOME lies, and as whom it runs.

It decides the folders of data, socket and log. An ordinary user's cluster lies in KB_HOME itself.
PostgreSQL refuses to run as root, and root's KB_HOME may be closed to every other account, so
there the cluster lies under /var/lib/touchstone and belongs to an unprivileged account. It never
starts anything. Called by cluster.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config import home as kb_home
from kb.management.embedded.errors import CannotRunError
from kb.management.embedded.processes import Account

ROOT_FOLDER = Path("/var/lib/touchstone")
PORT = 5432  # names the socket file only: nothing listens on the network
DATABASE = "touchstone"
_ACCOUNTS = ("touchstone", "postgres", "nobody")
# The kernel's limit is 107 bytes on Linux and 103 on macOS, the file's own name included.
_SOCKET_FOLDER_MAX = 103 - len(f"/.s.PGSQL.{PORT}")


@dataclass(frozen=True)
class Place:
    """The folders of one cluster.

    `account` is set only where root must step down. `older` names the database of a removed
    KB_HOME of the same path, which is kept: it may have been removed by mistake.
    """

    home: Path
    folder: Path
    socket: Path
    account: Account | None
    older: Path | None = None

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.home / "postgres.log"

    @property
    def data_major(self) -> int | None:
        """The major version that made the data folder, None before there is one."""
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None


def prepare_place(*, home: Path, root_folder: Path = ROOT_FOLDER) -> Place:
    """Return the place of `home`'s cluster, its folders made and closed to others.

    Raises CannotRunError when a folder can't be made or belongs to somebody else.
    """
    try:
        if os.geteuid() == 0:
            return _for_root(home, root_folder)
        folder = home / "postgres"
        _own_folder(folder, None)
        socket = home / "socket"
        if len(os.fsencode(socket)) > _SOCKET_FOLDER_MAX:
            socket = Path(tempfile.gettempdir()) / f"touchstone-{os.geteuid()}-{_digest(home)}"
        _own_folder(socket, None)
        return Place(home=home, folder=folder, socket=socket, account=None)
    except OSError as error:
        raise CannotRunError(
            f"The embedded database's folder can't be made: {error}. "
            "Set KB_HOME to a folder you can write to."
        ) from error


def write_address(place: Place) -> None:
    """Tell settings where the cluster listens, and the next start where it lies."""
    address = {
        "host": str(place.socket),
        "port": PORT,
        "name": DATABASE,
        "folder": str(place.folder),
        "home": str(place.home),
    }
    if kb_home.database_address(place.home) != address:
        kb_home.write_private(place.home / kb_home.DATABASE_FILE, json.dumps(address, indent=1))


def _for_root(home: Path, root_folder: Path) -> Place:
    if (home / "postgres" / "data").exists():
        owner = (home / "postgres" / "data").stat().st_uid
        raise CannotRunError(
            f"The database in {home} belongs to the user {_user_name(owner)}: start Touchstone as "
            "that user, or set KB_HOME to another folder."
        )
    folder = _recorded_folder(home)
    older = None
    if folder is None:
        folder, older = _new_folder(home, root_folder)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.chmod(0o711)
    if root_folder.exists():
        root_folder.chmod(0o755)
    data = folder / "data"
    account = _account_of(data.stat().st_uid) if data.exists() else _unprivileged_account()
    socket = folder / "socket"
    _own_folder(socket, account)
    return Place(home=home, folder=folder, socket=socket, account=account, older=older)


def _new_folder(home: Path, root_folder: Path) -> tuple[Path, Path | None]:
    """Return a folder that holds no data yet, and the last one of this path that does."""
    folder, older, number = root_folder / _digest(home), None, 1
    while (folder / "data").exists():
        older, number = folder, number + 1
        folder = root_folder / f"{_digest(home)}-{number}"
    return folder, older


def _recorded_folder(home: Path) -> Path | None:
    """Where this KB_HOME's cluster lay at its last start: KB_HOME may have been moved since."""
    known = kb_home.database_address(home)
    if "folder" not in known:
        return None
    folder, made_for = Path(known["folder"]), Path(known["home"])
    if made_for != home and (made_for / kb_home.DATABASE_FILE).exists():
        raise CannotRunError(
            f"{home} is a copy of {made_for} and names the same database: remove "
            f"{home / kb_home.DATABASE_FILE} to begin with an empty one."
        )
    if not (folder / "data").exists():
        raise CannotRunError(
            f"The database of {home} lay in {folder}, which is gone: put it back, or remove "
            f"{home / kb_home.DATABASE_FILE} to begin with an empty one (then `restore` a backup)."
        )
    return folder


def _own_folder(folder: Path, account: Account | None) -> None:
    """Make `folder` (mode 0700) or refuse one that somebody else could have prepared."""
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = account.uid if account else os.geteuid()
    found = folder.lstat()
    if account and found.st_uid == 0:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    elif not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise CannotRunError(
            f"{folder} is not a folder of {_user_name(owner)}'s own: remove it and start again."
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _unprivileged_account() -> Account:
    for name in _ACCOUNTS:
        try:
            return _account_of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise CannotRunError(
        "PostgreSQL refuses to run as root and this machine has no unprivileged account "
        f"({', '.join(_ACCOUNTS)}): add one (`useradd --system touchstone`) or start as a user."
    )


def _account_of(uid: int) -> Account:
    entry = pwd.getpwuid(uid)
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _digest(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
