"""`evaluate`: how well a set of labelled questions is answered. Writes nothing."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from kb.actions import evaluating
from kb.actions.evaluating import Labelled, Outcome
from kb.errors import KbError
from kb.gate import Caller
from kb.models import Client


class Command(BaseCommand):
    """Ask every question of a file as one client, through the gate, and print the figures."""

    help = (
        "Print hit@1, recall@5, nDCG@10, abstention AUROC and the operating point of a questions "
        "file. Example: python manage.py evaluate questions.jsonl --client webchat"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, the client to ask as, and the form of the output."""
        parser.add_argument("questions", type=Path)
        parser.add_argument("--client", default="", help="ask as this client (default: public)")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *, questions: Path, client: str, json: bool, **_options: Any) -> None:
        """Evaluate. Raises CommandError for a file or client that can't be used."""
        caller = _caller(client)
        labelled = list(_read(questions))
        outcomes = []
        try:
            for question in tqdm(labelled, unit=" questions", disable=None):
                outcome = evaluating.evaluate(question, caller=caller)
                outcomes.append(outcome)
                if json:
                    self.stdout.write(_line(outcome.line()))
        except KbError as error:
            raise CommandError(error.detail) from error
        figures = evaluating.summary(outcomes)
        if json:
            self.stdout.write(_line({"summary": figures}))
            return
        self._table(figures, outcomes)

    def _table(self, figures: dict[str, Any], outcomes: list[Outcome]) -> None:
        for name, value in figures.items():
            shown = "–" if value is None else f"{value:.3f}" if isinstance(value, float) else value
            self.stdout.write(f"{name.replace('_', ' '):32} {shown}")
        reasons: dict[tuple[str, str, str], int] = {}
        for one in outcomes:
            key = (one.question.kind, one.decision, one.reason)
            reasons[key] = reasons.get(key, 0) + 1
        for (kind, decision, reason), count in sorted(reasons.items()):
            self.stdout.write(f"{kind:16} {decision:10} {reason:24} {count}")


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _caller(name: str) -> Caller:
    if not name:
        return Caller(audience="public")
    client = Client.objects.filter(name=name).first()
    if client is None:
        raise CommandError(f"There is no client called {name!r}; create_client makes one.")
    return Caller(audience=client.audience, scope=client.scope)


def _read(path: Path) -> Iterator[Labelled]:
    try:
        # Only a newline ends a line of JSON: a text may hold U+2028, where splitlines() would cut.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} can't be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            relevant = tuple(map(str, row.get("relevant", [])))
            yield Labelled(
                id=str(row["id"]),
                query=str(row["query"]),
                relevant=relevant,
                kind=str(row.get("kind") or ("answerable" if relevant else "unanswerable")),
            )
        except (ValueError, KeyError, AttributeError) as error:
            raise CommandError(
                f"{path}:{number}: not a question ({error}); "
                'write {"id", "query", "relevant": [external ids], "kind"?}'
            ) from error
