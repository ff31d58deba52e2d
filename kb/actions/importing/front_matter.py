"""The YAML front matter of a Markdown file, read strictly: what it says and on which line.

Decides what front matter may be: one flat mapping, no anchors, no key twice. Never judges values.
Called by `reading`; `write` gives the same form back for the export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

_FENCED = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
LONGEST = 64 * 1024
_EXAMPLE = "begin the file with ---, the fields (id, title, …) and --- again"


class UnreadableError(Exception):
    """The file can't be read as a record; `line` counts from 1 in the whole file."""

    def __init__(self, line: int, field: str, reason: str) -> None:
        super().__init__(reason)
        self.line, self.field, self.reason = line, field, reason


def read(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the fields of a file, the text after the front matter as `body`, and their lines.

    Raises UnreadableError.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _FENCED.match(text)
    if found is None:
        raise UnreadableError(1, "file", f"has no front matter; {_EXAMPLE}")
    if len(found[1]) > LONGEST:
        raise UnreadableError(1, "file", f"has front matter of more than {LONGEST // 1024} KB")
    fields, lines = _mapping(found[1])
    if "body" in fields:
        raise UnreadableError(
            lines["body"], "body", "stands in the front matter; write the text below it"
        )
    lines["body"] = text.count("\n", 0, found.end()) + 1
    return {**fields, "body": text[found.end() :]}, lines


def write(fields: Mapping[str, Any], body: str) -> str:
    """Return a file that `read` gives back as `fields` and `body`."""
    front = yaml.safe_dump(dict(fields), allow_unicode=True, sort_keys=False, width=1000)
    return f"---\n{front}---\n{body}"


def _mapping(front: str) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        for token in yaml.scan(front, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
                line = token.start_mark.line + 2
                raise UnreadableError(line, "file", "uses an anchor (& or *); write the value out")
        node = yaml.compose(front, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise UnreadableError(2, "file", f"has no fields in its front matter; {_EXAMPLE}")
        lines = _lines(node)
        return yaml.safe_load(front), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        why = " ".join(str(error.problem).split())
        raise UnreadableError(
            line, "file", f"isn't YAML: {why}; quote what has : or # in it"
        ) from None
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())[:200]
        raise UnreadableError(1, "file", f"isn't YAML: {why}") from None
    except (ValueError, OverflowError) as error:
        raise UnreadableError(1, "file", f"has a value that can't be read ({error})") from None
    except RecursionError:
        raise UnreadableError(1, "file", "is nested too deeply; write flat fields") from None


def _lines(node: yaml.MappingNode) -> dict[str, int]:
    """Return the line of each key. Raises UnreadableError for an odd or a second one."""
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 2
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            raise UnreadableError(line, "file", "has a field whose name isn't a word")
        if key.value in lines:
            raise UnreadableError(
                line, key.value, f"stands twice; line {lines[key.value]} has it too"
            )
        lines[key.value] = line
        _refuse_doubles(value)
    return lines


def _refuse_doubles(node: yaml.Node) -> None:
    """Refuse a mapping further in that says one thing twice, where only the last would count."""
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            _refuse_doubles(one)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen if isinstance(key.value, str) else True:
                line = key.start_mark.line + 2
                raise UnreadableError(line, str(key.value)[:40], "stands twice; keep one")
            seen.add(key.value)
            _refuse_doubles(value)
