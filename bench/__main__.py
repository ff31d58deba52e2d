"""`make bench`: the first figures, on the bank's 698 articles (or the starter's without them).

Starts on an empty database of its own, imports, serves, measures, and prints a Markdown table. Run
by `make bench`, which starts the PostgreSQL.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench import requests

ROOT = Path(__file__).resolve().parent.parent
BANK = ROOT.parent / "shared" / "data" / "bank"
STARTER = ROOT / "kb" / "starter" / "questions.jsonl"
ROUNDS = 400


def manage(*arguments: str) -> str:
    """Run one of the service's commands and return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def fill() -> tuple[list[str], str]:
    """Load articles; return the questions to ask and what was loaded."""
    manage("prepare_database", "--verbosity", "0")
    manage("prepare_encoder", "--optional")
    if not BANK.is_dir():
        manage("load_starter")
        return _questions(STARTER), "the starter's articles"
    run = secrets.token_hex(3)
    for name, role in ((f"author-{run}", "editor"), (f"approver-{run}", "approver")):
        manage("create_person", name, "--role", role)
    began = time.perf_counter()
    people = ("--author", f"author-{run}", "--approver", f"approver-{run}")
    manage("import_articles", str(BANK / "articles.jsonl"), "--source", "bank", *people)
    print(f"import of 698 articles: {time.perf_counter() - began:.1f} s", flush=True)
    return _questions(BANK / "questions.jsonl"), "698 articles of the bank"


def serve() -> tuple[subprocess.Popen[bytes], int]:
    """Start the server as `up` does, with the two views to compare; return it and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "KB_DATABASE_POOL": "1",
        "LOG_LEVEL": "WARNING",
    }
    granian = Path(sys.executable).with_name("granian")
    server = subprocess.Popen(
        [
            str(granian), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "2", "--blocking-threads", "4", "--log-level", "warning",
            "config.wsgi:application",
        ],
        cwd=ROOT,
        env=environment,
    )  # fmt: skip
    for _ in range(120):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return server, port
        except OSError:
            time.sleep(0.5)
    server.kill()
    raise SystemExit("The server didn't come up within a minute.")


def main() -> None:
    """Fill, serve, measure, print."""
    questions, what = fill()
    key = manage("create_client", f"bench-{secrets.token_hex(3)}", "--audience", "public")
    server, port = serve()
    try:
        timings = requests.measure("127.0.0.1", port, requests.doors(key, questions), rounds=ROUNDS)
    finally:
        server.terminate()
        server.wait(15)
    print(f"\nRequests over HTTP, {what}, ledger row included, {os.cpu_count()} cores:\n")
    print("\n".join(requests.table(timings)))


def _questions(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line)["query"] for line in lines if line.strip()]


if __name__ == "__main__":
    main()
