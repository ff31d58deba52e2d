"""What the project runs on is pinned and accounted for: requirements*.txt against the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("requirements*.txt"))
DOCUMENT = ROOT / "docs" / "dependencies.md"
PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[a-z,]+\])?==(?P<version>[0-9][^\s;#]*)"
)
COLUMNS = 6  # package, what for, weighed against, kept up, licence, wheel


def _lines(file: Path) -> list[str]:
    stripped = (
        line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()
    )
    return [line for line in stripped if line]


def _normal(name: str) -> str:
    """The form in which package names are equal (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins() -> set[str]:
    found = (PINNED.fullmatch(line) for file in FILES for line in _lines(file))
    return {_normal(pin["name"]) for pin in found if pin}


def _rows() -> dict[str, list[str]]:
    """The tables' rows: a package's name to its cells."""
    rows = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            rows[_normal(cells[0].strip("`"))] = cells
    return rows


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_requirement_is_pinned_to_one_version(file: Path) -> None:
    assert _lines(file), f"{file.name} requires nothing"
    unpinned = [line for line in _lines(file) if not PINNED.fullmatch(line)]
    assert not unpinned, f"{file.name}: write name==version, not {unpinned}"


def test_no_package_is_required_twice() -> None:
    names = [_normal(re.split(r"[\[=]", line)[0]) for file in FILES for line in _lines(file)]
    assert sorted(set(names)) == sorted(names)


def test_every_pinned_package_has_its_row() -> None:
    missing = sorted(_pins() - _rows().keys())
    assert not missing, f"docs/dependencies.md: say why for {missing}, and what was weighed"


def test_every_row_is_about_a_pinned_package() -> None:
    stale = sorted(_rows().keys() - _pins())
    assert not stale, f"docs/dependencies.md: {stale} isn't required any more; remove the row"


def test_every_row_answers_every_question() -> None:
    gaps = [name for name, cells in _rows().items() if len(cells) != COLUMNS or not all(cells)]
    assert not gaps, f"docs/dependencies.md: fill every cell of {gaps}"
