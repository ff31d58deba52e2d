"""A home of each test's own, so that its indexes are its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, settings) -> Path:
    """A KB_HOME without an encoder: search by words alone, and nothing from another test."""
    settings.KB = {
        **settings.KB,
        "home": tmp_path,
        "encoder_path": str(tmp_path / "no-encoder"),
    }
    return tmp_path
