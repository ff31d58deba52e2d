"""One writer at a time, across the processes of this machine.

Decides only who may write to a folder. The lock is the kernel's, so it ends with its process,
however that ends. Called by `kb.search.keeper` and `kb.search.library`.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE_S = 0.02


@contextmanager
def only_writer(folder: Path, *, wait_s: float) -> Iterator[bool]:
    """Try for at most `wait_s` seconds to be the folder's only writer; yield whether we are.

    Raises OSError if the folder can't be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "writer.lock").open("a") as file:
        until = time.monotonic() + wait_s
        held = _try(file.fileno())
        while not held and time.monotonic() < until:
            time.sleep(_PAUSE_S)
            held = _try(file.fileno())
        yield held  # closing the file gives the lock back


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
