"""Request times over real HTTP: /answers beside a plain JSON view and an authenticated one-query
view, in one run, on one server, with the ledger row included.

Each round asks every door once, in turn, so that a machine that slows down slows all of them; what
is compared is the ratio within the round's medians.
"""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """Something to ask: its name, and what makes one request on an open connection."""

    name: str
    ask: Callable[[http.client.HTTPConnection], None]


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one door with one client, and requests a second with eight."""

    name: str
    p50_ms: float
    p99_ms: float
    per_s: float


def doors(key: str, questions: Sequence[str]) -> list[Door]:
    """Return the doors to compare. New questions never repeat; known ones were asked before."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    fresh = (
        f"{question} (case {number})" for number, question in enumerate(itertools.cycle(questions))
    )
    lock = threading.Lock()

    def new_question() -> str:
        with lock:
            return next(fresh)

    known = itertools.cycle(questions[:50])

    def known_question() -> str:
        with lock:
            return next(known)

    def answers(next_question: Callable[[], str]) -> Callable[[http.client.HTTPConnection], None]:
        def ask(connection: http.client.HTTPConnection) -> None:
            body = json.dumps({"query": next_question()})
            reply = _call(connection, "POST", "/api/v1/answers", headers, body)
            if "decision" not in reply:
                raise RuntimeError(f"not an answer: {reply}")

        return ask

    return [
        Door("plain JSON view", lambda c: _get(c, "/bench/plain", {})),
        Door("authenticated, one query", lambda c: _get(c, "/bench/one-query", headers)),
        Door("/answers, new question", answers(new_question)),
        Door("/answers, question seen before", answers(known_question)),
    ]


def measure(host: str, port: int, asked: Sequence[Door], *, rounds: int) -> list[Timing]:
    """Time every door `rounds` times in turn with one client, then with eight at once."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    for door in asked:
        for _ in range(60):
            door.ask(connection)
    samples: dict[str, list[float]] = {door.name: [] for door in asked}
    for _ in range(rounds):
        for door in asked:
            began = time.perf_counter()
            door.ask(connection)
            samples[door.name].append((time.perf_counter() - began) * 1000)
    return [
        Timing(
            name=door.name,
            p50_ms=statistics.median(samples[door.name]),
            p99_ms=statistics.quantiles(samples[door.name], n=100)[98],
            per_s=_throughput(host, port, door, clients=8, seconds=3.0),
        )
        for door in asked
    ]


def table(timings: Sequence[Timing]) -> Iterator[str]:
    """Yield the lines of a Markdown table; ratios are to the authenticated one-query view."""
    base = next(one for one in timings if one.name == "authenticated, one query")
    yield "| | p50 | p99 | with eight clients | p50 / one-query view |"
    yield "|---|---|---|---|---|"
    for one in timings:
        yield (
            f"| {one.name} | {one.p50_ms:.2f} ms | {one.p99_ms:.2f} ms | {one.per_s:,.0f}/s "
            f"| {one.p50_ms / base.p50_ms:.2f} |"
        )


def _throughput(host: str, port: int, door: Door, *, clients: int, seconds: float) -> float:
    until = time.perf_counter() + seconds
    counts = [0] * clients

    def work(at: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        while time.perf_counter() < until:
            door.ask(connection)
            counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    _call(connection, "GET", path, headers, None)


def _call(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str | None,
) -> dict[str, object]:
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    raw = response.read()
    if response.status != 200:
        raise RuntimeError(f"{path}: {response.status} {raw[:300]!r}")
    parsed: dict[str, object] = json.loads(raw)
    return parsed
