"""What can be met from outside stands in the docs: error codes, settings, commands, addresses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from kb import errors
from policies.eligibility import ReasonCode
from tests.guards.test_layers import ROOT, nodes, sources

DOCS = ROOT / "docs"
# How config/settings.py reads the environment (config/environment.py has the last four).
READERS = {"env", "read", "number", "switch", "database"}
# Its refusals are reasons for an answer, which the glossary explains.
NO_ERRORS = {ROOT / "policies" / "answerability.py"}
IN_SQL = re.compile(r"kb_refuse\(\s*'(\w+)'")


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@cache
def everywhere() -> str:
    """The README and every page of the docs."""
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in pages)


def tree_of_errors(root: type[errors.KbError] = errors.KbError) -> Iterator[type[errors.KbError]]:
    for one in root.__subclasses__():
        yield one
        yield from tree_of_errors(one)


def refusals(path: Path) -> Iterator[str]:
    """The codes that a rule refuses with, and those that an error is given by name."""
    for node in nodes(path):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        given = [word.value for word in node.keywords if word.arg == "code"]
        given += node.args[:1] if called == "refuse" else []
        yield from (
            one.value
            for one in given
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        )


def codes() -> set[str]:
    """Every code of an error or of a refusal, wherever it is decided."""
    found = {one.code for one in tree_of_errors()}
    for path in set(sources("kb", "policies")) - NO_ERRORS:
        found.update(refusals(path))
    for path in sorted((ROOT / "kb" / "migrations" / "sql").glob("*.sql")):
        found.update(IN_SQL.findall(path.read_text(encoding="utf-8")))
    return found


def settings() -> set[str]:
    """Every name that config/settings.py reads from the environment."""
    calls = [
        node
        for node in nodes(ROOT / "config" / "settings.py")
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in READERS
    ]
    first = [
        one.args[0].value for one in calls if one.args and isinstance(one.args[0], ast.Constant)
    ]
    return {name for name in map(str, first) if re.fullmatch(r"[A-Z][A-Z_]+", name)}


def commands() -> set[str]:
    folder = ROOT / "kb" / "management" / "commands"
    return {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}


def addresses() -> Iterator[str]:
    """Every address of the API and of the operators, as the docs write it."""

    def walk(entries: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
        for entry in entries:
            here = before + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, here)
            elif entry.name:
                yield "/" + re.sub(r"<\w+:(\w+)>", "{}", here)

    modules = ("kb.api.urls", "kb.api.root_urls", "kb.mcp.urls")
    for entry in get_resolver().url_patterns:
        if (
            isinstance(entry, URLResolver)
            and getattr(entry.urlconf_name, "__name__", "") in modules
        ):
            yield from walk(entry.url_patterns, str(entry.pattern))


@pytest.mark.parametrize("code", sorted(codes()))
def test_an_error_code_is_explained(code: str):
    assert f"`{code}`" in page("errors.md")


@pytest.mark.parametrize("code", sorted(ReasonCode))
def test_a_reason_for_an_answer_is_explained(code: str):
    assert f"`{code}`" in page("glossary.md")


@pytest.mark.parametrize("name", sorted(settings()))
def test_a_setting_is_explained(name: str):
    assert f"`{name}`" in page("settings.md")


def test_every_setting_was_found():
    assert {"KB_HOME", "PORT", "KB_ANSWER_TTL", "DATABASE_URL", "DEBUG"} <= settings()


def test_the_environment_is_read_in_one_place():
    reading = re.compile(r"\bos\.getenv\b|\bos\.environ\.get\b|=\s*os\.environ\[|\benviron\.Env\(")
    allowed = {ROOT / "config" / name for name in ("settings.py", "environment.py")}
    for path in set(sources("kb", "policies", "config")) - allowed:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not reading.search(line), f"{path}: {line.strip()}"


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_is_explained(name: str):
    assert name in everywhere()


@pytest.mark.parametrize("address", sorted(set(addresses())))
def test_an_address_is_explained(address: str):
    short = address.removeprefix("/api/v1")
    written = re.sub(r"\{\w+\}", "{}", everywhere())
    assert re.search(re.escape(short) + r"(?![\w/])", written)


def test_no_migration_is_missing(db: None):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
