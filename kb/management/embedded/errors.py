"""The one error of this package: what keeps the service from running on this machine."""

from __future__ import annotations


class CannotRunError(Exception):
    """The machine, its folders or its database don't allow it.

    The message is one line for the person at the terminal: what is wrong, where, and what to do.
    """
