"""Modules and functions stay small enough to be read, and are named for what they do."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.guards.test_layers import name_of, sources

FOLDERS = ("kb", "policies", "config", "bench", "training", "clients", "tests")
MODULE_LINES = 400
FUNCTION_LINES = 40
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc"}

# The short list: what is longer, and why it reads better so.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "kb/actions/importing/run.py:_import": "one import, from its first line to its last",
    "kb/actions/reviewing.py:sign": "everything that makes one signature, in its order",
    "tests/journeys/test_governed_answers.py:test_from_a_draft_to_a_recall": "one whole story",
    "tests/kb/text/test_passage_properties.py:articles": "one strategy: a list of alternatives",
}


@cache
def lengths() -> dict[str, int]:
    """The lines of each function's statements, its signature and docstring aside."""
    found: dict[str, int] = {}
    for path in sources(*FOLDERS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                name = f"{name_of(path)}:{node.name}"
                found[name] = max(lines, found.get(name, 0))
    return found


def test_no_module_is_too_long():
    long = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(*FOLDERS)
    }
    assert not {
        name: n for name, n in long.items() if n > MODULE_LINES and name not in LONG_MODULES
    }


def test_no_function_is_too_long():
    long = {name: n for name, n in lengths().items() if n > FUNCTION_LINES}
    assert not {name: n for name, n in long.items() if name not in LONG_FUNCTIONS}


@pytest.mark.parametrize("name", [*LONG_MODULES, *LONG_FUNCTIONS])
def test_an_exception_is_about_something_that_exists(name: str):
    assert name in lengths() or name in map(name_of, sources(*FOLDERS))


def test_no_module_is_named_for_nothing():
    for path in sources(*FOLDERS):
        assert VAGUE.isdisjoint({path.stem, path.parent.name}), name_of(path)
