"""`import_articles`: bring articles from a file, as drafts or attested by the people named.

Parses words and prints what was done; `kb.actions.importing` decides. Refusals go to standard
error, each with file, line, field and reason, and the exit code is then 1.
"""

from __future__ import annotations

import os
import pwd
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from kb.actions.importing import reading, run
from kb.actions.importing.run import ImportRefused, Report, Request
from kb.inference import encoder
from kb.management.progress import Progress
from kb.management.refusing import one_line
from kb.search import keeper
from kb.search.errors import IndexUnusableError
from policies.importing import DEFAULT_SOURCE

_MOST_LINES = 50
_MOST_THREADS = 8
_STOPPED = "Stopped; nothing took force. Give the same command again and it goes on where it was."
_WORDS = {
    "new": "new",
    "changed": "changed",
    "rerendered": "shown anew, because a fact changed",
    "unchanged": "unchanged",
    "left": "left alone, because people work on them here",
    "skipped": "refused and left out",
    "articles_updated": "articles with another owner, journey or review cycle",
    "retired": "retired, because the file no longer has them",
}


class Command(BaseCommand):
    """manage.py import_articles PATH --author U [--approver U] [...]"""

    help = (
        "Import articles from a JSONL file or a folder of Markdown files. With --approver they are "
        "in force at once, attested by both people; without, they are drafts. The whole file is "
        "checked first and one bad record refuses it. Example: python manage.py import_articles "
        "policies.jsonl --author mira --approver tom --source handbook"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file, the people, and how careful to be."""
        parser.add_argument("path", type=Path, help="a JSONL file, a Markdown file or a folder")
        parser.add_argument("--author", required=True, metavar="U", help="who wrote the records")
        parser.add_argument(
            "--approver",
            action="append",
            default=[],
            metavar="U",
            help="who approved them: somebody else; give it twice for records of high risk",
        )
        parser.add_argument(
            "--source",
            default=DEFAULT_SOURCE,
            metavar="NAME",
            help=f"where the records come from; ids count within it (default: {DEFAULT_SOURCE})",
        )
        parser.add_argument(
            "--format",
            choices=("jsonl", "markdown"),
            help="of the records (default: by the path)",
        )
        flags = {
            "--dry-run": "check the file and say what would be done, keeping nothing",
            "--skip-bad": "leave refused records out and import the rest",
            "--overwrite": "replace texts that were edited or retired here since the last import",
            "--retire-missing": "retire what the source's file no longer has",
        }
        for flag, words in flags.items():
            parser.add_argument(flag, action="store_true", help=words)

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and print the counts. Raises CommandError after the refusals."""
        progress = Progress(self.stderr)
        try:
            with one_line():
                report = self._import(progress, options)
        except KeyboardInterrupt:
            raise CommandError(_STOPPED, returncode=130) from None
        except OSError as error:
            raise CommandError(f"{options['path']} can't be read: {error.strerror}") from error
        finally:
            progress.close()
        self._print(report, options)
        if report.run_id is not None:
            self._freshen_indexes()

    def _freshen_indexes(self) -> None:
        """Index what was imported here and now; a server of this machine then finds it at once."""
        try:
            keeper.current()
        except (IndexUnusableError, OSError, DatabaseError) as error:
            self.stderr.write(f"Imported; the indexes follow with the next question ({error}).")

    def _import(self, progress: Progress, options: dict[str, Any]) -> Report:
        request = Request(
            author=options["author"],
            approvers=tuple(options["approver"]),
            source=options["source"],
            skip_bad=options["skip_bad"],
            overwrite=options["overwrite"],
            retire_missing=options["retire_missing"],
            dry_run=options["dry_run"],
            operator=pwd.getpwuid(os.getuid()).pw_name,
        )
        records = reading.open_source(options["path"], options["format"])
        embeds = bool(request.approvers) and not request.dry_run
        using = encoder.current() if embeds else None
        if embeds and using is None:
            self.stderr.write(
                self.style.ERROR(
                    "NO SENTENCE ENCODER: these articles will be found by their words alone. "
                    f"{encoder.status().reason}"
                )
            )
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        try:
            return run.import_articles(
                records, request, encoder=using, threads=threads, progress=progress
            )
        except ImportRefused as error:
            progress.close()
            self._lines(error.refusals)
            records_ = len({one.record or one.place for one in error.refusals})
            what, them = ("record is", "it") if records_ == 1 else ("records are", "them")
            raise CommandError(
                f"Nothing was imported: {records_} {what} refused. Mend {them}, or leave {them} "
                "out with --skip-bad."
            ) from error

    def _print(self, report: Report, options: dict[str, Any]) -> None:
        self._lines(report.skipped)
        self._lines(f"left alone: {key[0]} ({key[1]}): {why}" for key, why in report.left)
        self._lines(f"not retired: {key[0]} ({key[1]}): {why}" for key, why in report.kept)
        counts = report.counts
        how = "Would import" if options["dry_run"] else "Imported"
        what = "in force" if options["approver"] else "as drafts"
        resumed = ", taken up where it was interrupted" if report.resumed else ""
        records = "record" if counts["read"] == 1 else "records"
        self.stdout.write(
            f"{how} {counts['read']:,} {records} of {options['source']!r}, {what}{resumed}:"
        )
        for name, words in _WORDS.items():
            if counts[name]:
                self.stdout.write(f"  {counts[name]:>6,}  {words}")

    def _lines(self, lines: Iterable[object]) -> None:
        """Write the first lines, and how many more there were."""
        every = list(lines)
        for line in every[:_MOST_LINES]:
            self.stderr.write(str(line))
        if len(every) > _MOST_LINES:
            self.stderr.write(f"... and {len(every) - _MOST_LINES:,} more")
