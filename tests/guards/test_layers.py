"""One way down: who may import whom, what the rules may know, what a door may not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"
DOORS = ("api", "web", "mcp")
# Where Django itself asks for an import inside a function.
IMPORTS_INSIDE = {"kb/apps.py": "checks are registered once models are loaded"}


def sources(*folders: str) -> list[Path]:
    """The Python files under folders of the project, migrations aside."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path)))


def imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports; a relative import begins with a point."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return []


def asks_tables(node: ast.AST) -> bool:
    """Whether a door reaches past actions: `.objects`, `.save(...)` or `.filter(...)`."""
    if isinstance(node, ast.Attribute) and node.attr in ("objects", "_base_manager"):
        return True
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("save", "filter")
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "register")
    )


def test_imports_run_downward_only():
    done = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_import_the_standard_library_and_themselves():
    known = sys.stdlib_module_names | {"policies"}
    foreign = {
        f"{name_of(path)}: {name}"
        for path in sources("policies")
        for node in nodes(path)
        for name in imported(node)
        if name.split(".")[0] not in known
    }
    assert not foreign


@pytest.mark.parametrize("module", ["random", "secrets", "uuid", "os", "time", "socket", "sqlite3"])
def test_the_rules_know_no_chance_no_clock_and_no_outside(module: str):
    for path in sources("policies"):
        for node in nodes(path):
            assert module not in [name.split(".")[0] for name in imported(node)], name_of(path)


def test_the_rules_never_read_the_clock():
    readings = {"now", "utcnow", "today"}
    for path in sources("policies"):
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in readings, f"{name_of(path)}:{node.lineno}"


def test_a_door_asks_no_table_itself():
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*(f"kb/{door}" for door in DOORS))
        for node in nodes(path)
        if asks_tables(node)
    ]
    assert not found, "a door calls one action or one query of kb.actions"


def test_no_import_hides_inside_a_function():
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    hidden = [
        name_of(path)
        for path in sources("kb", "policies", "config")
        for outer in nodes(path)
        if isinstance(outer, functions)
        for node in ast.walk(outer)
        if imported(node)
    ]
    assert set(hidden) == set(IMPORTS_INSIDE)


def test_no_import_dodges_a_circle():
    for path in sources("kb", "policies", "config"):
        assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8"), name_of(path)


def test_nobody_listens_to_signals_of_our_own_or_django_s():
    for path in sources("kb", "config"):
        names = [name for node in nodes(path) for name in imported(node)]
        assert not [name for name in names if name.endswith("signals")], name_of(path)
