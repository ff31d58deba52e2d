"""`export_articles`: write articles as import records, one file or a folder of Markdown files.

Parses words and writes files; `kb.actions.exporting` decides what stands in them. What exists
already is never written over.
"""

from __future__ import annotations

import json
import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kb.actions import exporting
from kb.actions.exporting import Exported
from kb.actions.importing import front_matter
from kb.conf import settings
from kb.management.refusing import one_line


class Command(BaseCommand):
    """manage.py export_articles PATH [--format F] [--source NAME] [--all]"""

    help = (
        "Write articles as import records: what may be served now, or with --all everything held. "
        "An import of the file into an empty database gives the same content. Example: "
        "python manage.py export_articles handbook.jsonl --source handbook"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to, in which form, and what."""
        parser.add_argument("path", type=Path, help="a new file, a new folder, or - for the screen")
        parser.add_argument(
            "--format",
            choices=("jsonl", "markdown"),
            default="jsonl",
            help="a JSON object a line, or a folder with a Markdown file a text (default: jsonl)",
        )
        parser.add_argument("--source", metavar="NAME", help="only what came from there")
        parser.add_argument(
            "--all",
            action="store_true",
            help="also what is on hold, overdue or expired, and drafts where nothing governs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write and print how many. Raises CommandError."""
        path, source, everything = options["path"], options["source"], options["all"]
        try:
            with one_line():
                texts = exporting.choose_texts(source=source, everything=everything)
                records = exporting.export_articles(texts)
                count = self._write(path, options["format"], records)
                unserved = 0 if everything else exporting.count_unserved(texts, source=source)
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from error
        self.stderr.write(f"Exported {count:,} texts.")
        if unserved:
            self.stderr.write(
                f"{unserved:,} more are in effect but not served now (on hold, overdue, only "
                "headings ...); --all includes them."
            )

    def _write(self, path: Path, form: str, records: Iterable[Exported]) -> int:
        if str(path) == "-":
            if form != "jsonl":
                raise CommandError("A folder of Markdown files can't go to the screen.")
            return self._lines(records)
        if path.exists() and not (form == "markdown" and path.is_dir() and not any(path.iterdir())):
            raise CommandError(f"{path} exists already; name a new one.")
        return _write_folder(path, records) if form == "markdown" else _write_file(path, records)

    def _lines(self, records: Iterable[Exported]) -> int:
        count = 0
        for count, record in enumerate(records, start=1):  # noqa: B007
            self.stdout.write(_line(record))
        return count


def _line(record: Exported) -> str:
    return json.dumps(record.fields, ensure_ascii=False)


def _write_file(path: Path, records: Iterable[Exported]) -> int:
    """Write the file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    count = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for count, record in enumerate(records, start=1):  # noqa: B007
                file.write(_line(record) + "\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return count


def _write_folder(path: Path, records: Iterable[Exported]) -> int:
    path.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, record in enumerate(records, start=1):  # noqa: B007
        fields = {name: value for name, value in record.fields.items() if name != "body"}
        text = front_matter.write(fields, record.fields["body"])
        language = record.fields["language"]
        ending = "" if language == settings().default_language else f".{language}"
        (path / f"{record.slug}{ending}.md").write_text(text, encoding="utf-8", newline="\n")
    return count
