from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from kb.inference import preparation
from kb.management.commands.prepare_encoder import Command


def _run(*arguments: str, home: Path, encoder_path: str = "") -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    with override_settings(KB={**settings.KB, "home": home, "encoder_path": encoder_path}):
        call_command(Command(stdout=out, stderr=err, no_color=True), *arguments)
    return out.getvalue(), err.getvalue()


def test_it_prints_one_line_with_the_name_and_the_agreement(prepared_home: Path) -> None:
    out, err = _run(home=prepared_home)
    assert out.startswith(f"Sentence encoder {preparation.NAME} ready: 384 dimensions, cosine")
    assert out.count("\n") == 1
    assert err == ""


def test_a_failure_is_one_loud_line_and_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"^NO SENTENCE ENCODER: .*isn't a folder.*[^\n]$"):
        _run(home=tmp_path, encoder_path=str(tmp_path / "absent"))


def test_a_failure_of_an_optional_encoder_is_the_line_alone(tmp_path: Path) -> None:
    out, err = _run("--optional", home=tmp_path, encoder_path=str(tmp_path / "absent"))
    assert out == ""
    assert err.startswith("NO SENTENCE ENCODER: ")
    assert err.count("\n") == 1
