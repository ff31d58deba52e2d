"""The one error of the indexes. It never reaches a caller: they are rebuilt, or done without."""

from __future__ import annotations


class IndexUnusableError(Exception):
    """An index is missing, damaged, of another format or of another database; says which."""
