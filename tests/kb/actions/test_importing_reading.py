"""What can be read at all, and how what can't is named: file, line, field, reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.actions.importing import front_matter, reading
from kb.actions.importing.reading import Raw, Refusal
from kb.errors import Invalid


def read(tmp_path: Path, data: bytes, name: str = "a.jsonl") -> list[Raw | Refusal]:
    path = tmp_path / name
    path.write_bytes(data)
    return list(reading.open_source(path))


def refusal(found: list[Raw | Refusal]) -> Refusal:
    (one,) = [each for each in found if isinstance(each, Refusal)]
    return one


def test_a_line_is_a_record_with_its_place(tmp_path):
    found = read(tmp_path, b'{"id": "a"}\n\n{"id": "b"}')
    assert [(r.place.line, r.fields) for r in found] == [(1, {"id": "a"}), (3, {"id": "b"})]
    assert found[0].place.file == "a.jsonl"


def test_a_byte_order_mark_and_crlf_are_harmless(tmp_path):
    found = read(tmp_path, b'\xef\xbb\xbf{"id": "a"}\r\n{"id": "b"}\r\n')
    assert [r.fields["id"] for r in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "line", "field", "why"),
    [
        (b'{"id": "a"}\n{"id": "\xff\xfeb"}', 2, "record", "isn't UTF-8 (byte 0xff at position 9)"),
        (b'\xff\xfe{\x00"\x00', 1, "file", "UTF-16"),
        (b'[{"id": "a"},\n{"id": "b"}]', 1, "file", "is a JSON list"),
        (b'[{"id": "a"}]', 1, "file", "is a JSON list"),
        (b'[\n{"id": "a"}\n]', 1, "file", "is a JSON list"),
        (b'{\n"id": "a"\n}', 1, "file", "over several lines"),
        (b"---\nid: a\n---\n", 1, "file", "looks like Markdown"),
        (b"id,title\n", 1, "record", "isn't JSON: Expecting value (column 1)"),
        (b'{"id": "a"} {"id": "b"}', 1, "record", "Extra data"),
        (b'"a"', 1, "record", "isn't a JSON object"),
        (b'{"id": "a", "id": "b"}', 1, "record", "'id' stands in it twice"),
        (b'{"id": NaN}', 1, "record", "NaN is no number"),
        (b'{"id": ' + b"9" * 5000 + b"}", 1, "record", "isn't JSON"),
        (b'{"id": "a\x00b"}', 1, "record", "control character"),
        (b"[" * 100_000, 1, "record", "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, data: bytes, line: int, field: str, why: str):
    found = refusal(read(tmp_path, data)[-1:])
    assert (found.place.line, found.field) == (line, field)
    assert why in found.reason


def test_a_line_beyond_reading_is_refused_without_holding_it(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_LINE", 100)
    found = read(tmp_path, b'{"id": "' + b"x" * 5_000_000 + b'"}\n{"id": "b"}')
    assert found[0].field == "record"
    assert "Split it" in found[0].reason
    assert (found[1].place.line, found[1].fields) == (2, {"id": "b"})


def test_a_number_keeps_its_digits(tmp_path):
    (found,) = read(tmp_path, b'{"value": 3.50}')
    assert str(found.fields["value"]) == "3.50"


def test_the_digest_is_of_the_content(tmp_path):
    for name, text in (("a", "{}"), ("b", "{}"), ("c", "{ }")):
        (tmp_path / f"{name}.jsonl").write_text(text)
    a, b, c = (reading.open_source(tmp_path / f"{n}.jsonl").digest() for n in "abc")
    assert a == b != c


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Invalid, match="there is no"):
        reading.open_source(tmp_path / "none.jsonl")
    with pytest.raises(Invalid, match="is a folder"):
        reading.open_source(tmp_path, "jsonl")


def test_a_name_of_strange_bytes_is_shown_as_text(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfcn.jsonl"))
    path.write_bytes(b"{}")
    (found,) = reading.open_source(path)
    assert found.place.file == "gr\ufffdn.jsonl"


def test_what_can_be_read_only_once_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Invalid, match="is no file"):
        reading.open_source(tmp_path / "pipe")


MARKDOWN = b"""\xef\xbb\xbf---\r
id: returns-policy\r
title: Returns\r
effective_from: 2026-03-01\r
facts:\r
  - {key: refund.window, type: duration, value: 30, unit: days}\r
---\r
\r
# Words\r
"""


def test_a_folder_is_a_record_a_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub" / "b.md").write_bytes(MARKDOWN)
    (tmp_path / "a.markdown").write_bytes(MARKDOWN)
    (tmp_path / ".git" / "c.md").write_bytes(MARKDOWN)
    (tmp_path / "note.txt").write_text("no record")
    found = list(reading.open_source(tmp_path))
    assert [record.place.file for record in found] == ["a.markdown", "sub/b.md"]
    assert found[0].fields["body"] == "\n# Words\n"
    assert found[0].fields["facts"][0]["value"] == 30
    assert (found[0].lines["title"], found[0].lines["body"]) == (3, 8)


@pytest.mark.parametrize(
    ("text", "line", "field", "why"),
    [
        ("# No front matter", 1, "file", "has no front matter"),
        ("---\nid: a\n", 1, "file", "has no front matter"),
        ("---\n---\nwords", 2, "file", "has no fields"),
        ("---\n- a\n---\n", 2, "file", "has no fields"),
        ("---\nid: a\nid: b\n---\n", 3, "id", "stands twice; line 2"),
        ("---\nid: a\nscope: {x: 1, x: 2}\n---\n", 3, "x", "stands twice"),
        ("---\nid: a\ntitle: b: c\n---\n", 3, "file", "isn't YAML"),
        ("---\nid: &x a\ntitle: *x\n---\n", 2, "file", "uses an anchor"),
        ("---\nid: a\nwhen: 2026-13-45\n---\n", 1, "file", "can't be read"),
        ("---\nid: !!python/object:os.system {}\n---\n", 2, "file", "isn't YAML"),
        ("---\n1: a\n---\n", 2, "file", "isn't a word"),
        ("---\nid: a\nbody: b\n---\n", 3, "body", "write the text below"),
        ("---\nid: " + "[" * 3000 + "\n---\n", 1, "file", "nested too deeply"),
        ("---\nid: " + "a" * 70_000 + "\n---\n", 1, "file", "more than 64 KB"),
    ],
)
def test_front_matter_that_cannot_be_read_is_named(tmp_path, text, line, field, why):
    found = refusal(read(tmp_path, text.encode(), "a.md"))
    assert (found.place.file, found.place.line, found.field) == ("a.md", line, field)
    assert why in found.reason


def test_a_markdown_file_that_is_not_utf8_names_the_line(tmp_path):
    found = refusal(read(tmp_path, b"---\nid: a\n---\nGr\xfc\xdfe", "a.md"))
    assert (found.place.line, found.field) == (4, "file")


_WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(
    st.dictionaries(st.sampled_from(["id", "title", "owner"]), _WORDS, min_size=1),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=200),
)
def test_front_matter_reads_back_what_was_written(fields: dict[str, Any], body: str):
    read_back, _lines = front_matter.read(front_matter.write(fields, body))
    assert read_back == {**fields, "body": body}


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_refusals(tmp_path_factory, data: bytes):
    folder = tmp_path_factory.mktemp("any")
    for name in ("a.jsonl", "a.md"):
        for one in read(folder, data, name):
            assert isinstance(one, Raw | Refusal)


@given(st.dictionaries(_WORDS, st.none() | st.booleans() | st.integers() | _WORDS))
def test_any_object_is_read_as_it_was_written(tmp_path_factory, fields: dict[str, Any]):
    line = json.dumps(fields, ensure_ascii=False).encode()
    (found,) = read(tmp_path_factory.mktemp("any"), line)
    assert found.fields == fields
