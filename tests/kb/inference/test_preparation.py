from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kb.inference import preparation, stored, weights
from kb.inference.errors import EncoderUnavailable


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Path:
    """A copy of the prepared home that a test may damage."""
    shutil.copytree(prepared_home, tmp_path / "home")
    return tmp_path / "home"


def test_a_second_preparation_only_reads(home: Path) -> None:
    assert not preparation.prepare(home=home).built


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _empty_the_seal(path: Path) -> None:
    path.with_suffix(".json").write_bytes(b"")


def _remove_the_seal(path: Path) -> None:
    path.with_suffix(".json").unlink()


def _remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "damage", [_truncate, _flip_a_byte, _empty_the_seal, _remove_the_seal, _remove]
)
def test_a_damaged_file_isnt_believed(home: Path, damage: object) -> None:
    assert callable(damage)
    damage(preparation.place(home))
    assert stored.read(preparation.place(home)) is None


def test_a_damaged_file_is_built_again(home: Path, prepared_home: Path) -> None:
    _truncate(preparation.place(home))
    assert preparation.prepare(home=home).built
    assert stored.read(preparation.place(home)) == stored.read(preparation.place(prepared_home))
    assert len(list((home / "encoder").iterdir())) == 2


def test_two_processes_may_prepare_at_once(tmp_path: Path, prepared_home: Path) -> None:
    code = (
        "import sys, hashlib, pathlib; from kb.inference import preparation as p;"
        "print(hashlib.sha256(p.prepare(home=pathlib.Path(sys.argv[1])).model).hexdigest())"
    )

    def start(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[3],
        ).stdout

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start, range(2))
    assert first == second
    expected = stored.read(preparation.place(prepared_home))
    assert stored.read(preparation.place(tmp_path)) == expected
    assert len(list((tmp_path / "encoder").iterdir())) == 2


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "encoder").write_text("a file where the folder should be")
    with pytest.raises(EncoderUnavailable, match=r"encoder can't be written \(.*KB_HOME"):
        stored.write(preparation.place(tmp_path), b"model")


def test_altered_weights_are_an_obstacle_with_a_reason(tmp_path: Path) -> None:
    found = weights.find()
    altered = tmp_path / "model.safetensors"
    altered.write_bytes(b"not the weights")
    source = weights.Weights(model=altered, tokenizer=found.tokenizer)
    assert "isn't the file" in preparation.obstacle(tmp_path, source=source)
    with pytest.raises(EncoderUnavailable, match="isn't the file"):
        preparation.prepare(home=tmp_path, source=source)
    assert not (tmp_path / "encoder").exists()


def test_a_prepared_home_has_no_obstacle(prepared_home: Path) -> None:
    assert preparation.obstacle(prepared_home) == ""


def test_a_home_that_is_yet_to_be_made_is_no_obstacle(tmp_path: Path) -> None:
    assert preparation.obstacle(tmp_path / "new" / "home") == ""
