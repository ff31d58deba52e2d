"""How far a long command is: a bar on a terminal, a plain line now and then elsewhere.

Always on standard error, so that what a command prints stays clean. Decides nothing.
"""

from __future__ import annotations

import sys
import time

from django.core.management.base import OutputWrapper
from tqdm import tqdm

_LINE_EVERY_S = 10.0


class Progress:
    """Called with a phase, how much of it is done, and how much there is (0: not known yet)."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._bars = out.isatty()
        self._bar: tqdm[None] | None = None
        self._phase = ""
        self._said_at = 0.0

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show it."""
        if self._bars:
            self._draw(phase, done, total)
        elif phase != self._phase or time.monotonic() - self._said_at > _LINE_EVERY_S:
            self._out.write(f"{phase}: {done:,}{f' of {total:,}' if total else ''}")
            self._out.flush()
            self._said_at = time.monotonic()
        self._phase = phase

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()

    def _draw(self, phase: str, done: int, total: int) -> None:
        if self._bar is None or phase != self._phase:
            self.close()
            self._bar = tqdm(desc=phase, file=sys.stderr, leave=False, unit="", mininterval=0.2)
        if total and self._bar.total != total:
            self._bar.total = total
        self._bar.update(done - self._bar.n)
