"""A line that says how far a long copy is, on terminals only. Called by `backup` and `restore`."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

_EVERY_S = 1.0


class ByteProgress:
    """Called with the bytes done so far, writes one line over itself about once a second."""

    def __init__(self, verb: str, output: OutputWrapper) -> None:
        self._verb = verb
        self._output = output
        self._next = time.monotonic() + _EVERY_S

    def __call__(self, done_bytes: int) -> None:
        """Show `done_bytes` if the last word is a while ago and somebody is watching."""
        if time.monotonic() < self._next or not self._output.isatty():
            return
        self._next = time.monotonic() + _EVERY_S
        self._output.write(f"\r{done_bytes / 1e6:,.0f} MB {self._verb} ...", ending="\r")
