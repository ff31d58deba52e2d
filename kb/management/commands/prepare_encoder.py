"""Prepare the sentence encoder: built once in KB_HOME, compared with its original each time.

Called by `up`, by installers and by hand. Needs no database and touches none.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kb import conf
from kb.inference import encoder, preparation
from kb.inference.errors import EncoderUnavailable


class Command(BaseCommand):
    """manage.py prepare_encoder [--optional]"""

    help = "Build the sentence encoder in KB_HOME if needed, and check it against its original."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --optional."""
        parser.add_argument(
            "--optional",
            action="store_true",
            help="exit 0 even if it can't be prepared: the service runs on lexical search alone",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line: ready, or why not."""
        settings = conf.settings()
        started = time.perf_counter()
        try:
            found = _open_other(settings) if settings.encoder_path else _prepare_own(settings)
        except EncoderUnavailable as error:
            line = (
                f"NO SENTENCE ENCODER: {error.reason}. "
                "Questions will be answered from lexical search alone."
            )
            if not options["optional"]:
                raise CommandError(line) from error
            self.stderr.write(self.style.ERROR(line))
            return
        self.stdout.write(f"Sentence encoder {found} ({time.perf_counter() - started:.1f} s)")


def _prepare_own(settings: conf.Settings) -> str:
    prepared = preparation.prepare(home=settings.home)
    opened = encoder.from_prepared(prepared)
    worst = preparation.agreement(prepared)
    if worst < preparation.LEAST_AGREEMENT:
        raise EncoderUnavailable(
            f"{opened.name} differs from its original on this processor (cosine {worst:.4f})"
        )
    return (
        f"{opened.name} {'built' if prepared.built else 'ready'}: {opened.dimensions} dimensions, "
        f"cosine to the float32 original at least {worst:.4f}"
    )


def _open_other(settings: conf.Settings) -> str:
    opened = encoder.load(home=settings.home, path=settings.encoder_path)
    return f"{opened.name} ready: {opened.dimensions} dimensions"
