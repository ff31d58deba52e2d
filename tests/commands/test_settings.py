"""Settings that can't be used: one line that says what to write, and gives no secret away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def refusal(home: Path, **given: str) -> str:
    """What `check` says with these settings; it must end in a refusal."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "OWNER_DATABASE_URL")}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=kept | {"KB_HOME": str(home), "PYTHONWARNINGS": "default"} | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://role:hush@host/name"),
        ("DATABASE_URL", "postgres://role:hu@sh:more@host:port/name"),
        ("DATABASE_URL", "hush"),
        ("EMAIL_URL", "pigeon://role:hush@host"),
        ("KB_CITATION_KEYS", "hush"),
    ],
)
def test_a_setting_that_may_hold_a_password_is_refused_in_one_line_without_it(
    tmp_path, name, value
):
    said = refusal(tmp_path, **{name: value})
    assert said.startswith(f"{name} can't be used: write ")
    assert len(said.splitlines()) == 1
    assert "hu" not in said


def test_a_plain_setting_is_refused_with_its_value(tmp_path):
    assert refusal(tmp_path, PORT="abc").startswith("PORT is 'abc', which can't be used: write ")
