"""The figures of /metrics: answers by decision, requests by duration, over all workers.

Each worker process counts in a file of its own (prometheus_client's multiprocess mode), and a
scrape adds the files up, whichever worker serves it. The files lie in a folder per running service,
`KB_HOME/metrics/<process that started the workers>`: figures begin at zero when the service starts,
as counters may, and never jump back because another worker was asked. Folders of services that have
ended are removed. Nothing here is read by a decision. Called by the endpoints.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kb.conf import settings

logger = logging.getLogger("kb.api")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_opening = threading.Lock()
_LIBRARY_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library takes its folder from nowhere else


@dataclass(frozen=True)
class _Figures:
    folder: Path
    answers: Counter
    requests: Histogram


@dataclass(frozen=True)
class _States(Collector):
    """What is so at this instant: kept in no file."""

    database_up: bool
    encoder_up: bool

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield one gauge a state, 1 or 0."""
        for name, words, up in (
            ("database", "Whether the database could be asked just now.", self.database_up),
            ("encoder", "Whether this worker has a sentence encoder.", self.encoder_up),
        ):
            yield GaugeMetricFamily(f"touchstone_{name}_up", words, value=int(up))


def count_answer(*, decision: str, reason: str) -> None:
    """Count one answer that was recorded and is being sent."""
    if (figures := _figures()) is not None:
        figures.answers.labels(decision=decision, reason=reason).inc()


def count_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count one request to `route` (the pattern, never the address asked for)."""
    if (figures := _figures()) is not None:
        labels = {"route": route, "method": _known(method), "status": str(status)}
        figures.requests.labels(**labels).observe(seconds)


def exposition(*, database_up: bool, encoder_up: bool) -> bytes:
    """Return all figures in Prometheus' text format."""
    registry = CollectorRegistry()
    figures = _figures()
    if figures is not None:
        multiprocess.MultiProcessCollector(  # type: ignore[no-untyped-call]
            registry, path=str(figures.folder)
        )
    states = CollectorRegistry()
    states.register(_States(database_up=database_up, encoder_up=encoder_up))
    return bytes(generate_latest(registry)) + bytes(generate_latest(states))


def _known(method: str) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return method if method in known else "other"


def _figures() -> _Figures | None:
    """Return this process's counters; None where KB_HOME can't be written to."""
    with _opening:  # two openings at once would write to the same file
        return _open(settings().home, os.getppid())


@lru_cache(maxsize=1)
def _open(home: Path, parent: int) -> _Figures | None:
    folder = home / "metrics" / str(parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_ended(folder)
    except OSError as error:
        logger.error("no figures are kept: %s can't be written to (%s)", folder, error.strerror)
        return None
    os.environ[_LIBRARY_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    return _Figures(
        folder=folder,
        answers=Counter(
            "touchstone_answers_total",
            "Answers given, by decision and reason.",
            ["decision", "reason"],
            registry=None,
        ),
        requests=Histogram(
            "touchstone_request_seconds",
            "Requests to the API by route, method and status.",
            ["route", "method", "status"],
            buckets=BUCKETS_S,
            registry=None,
        ),
    )


def _remove_ended(own: Path) -> None:
    for folder in own.parent.iterdir():
        if folder != own and folder.name.isdecimal() and not psutil.pid_exists(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
