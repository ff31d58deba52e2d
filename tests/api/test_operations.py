"""What operators watch: health and figures."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys

import pytest
from django.conf import settings

from kb.api import metrics
from kb.web.logs import JsonFormatter
from kb.web.middleware import RequestIdFilter

pytestmark = pytest.mark.django_db


def figure(text: str, name: str, **labels: str) -> float:
    """The sum of a figure's series that carry `labels`."""
    total = 0.0
    for found in re.finditer(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE):
        given = dict(re.findall(r'(\w+)="([^"]*)"', found[1] or ""))
        if labels.items() <= given.items():
            total += float(found[2])
    return total


def test_liveness_asks_nothing(client):
    response = client.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


def test_readiness_tells_of_database_encoder_and_index(client):
    body = client.get("/health/ready").json()
    assert body["status"] == "ready"
    assert body["database"] == {"state": "ready"}
    assert body["mode"] in ("words and meaning", "words alone")
    assert body["index"]["state"] in ("ready", "missing")


def test_without_an_encoder_the_service_is_ready_and_says_so_loudly(client, tmp_path):
    altered = {**settings.KB, "encoder_path": str(tmp_path / "none")}
    kept, settings.KB = settings.KB, altered
    try:
        response = client.get("/health/ready")
    finally:
        settings.KB = kept
    assert response.status_code == 200
    assert response.json()["mode"] == "words alone"
    assert response.json()["encoder"]["warning"].isupper()
    assert response.json()["encoder"]["reason"]


def test_nobody_needs_a_key_and_nothing_is_kept(client):
    for address in ("/health/live", "/health/ready", "/metrics"):
        response = client.get(address)
        assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
        assert client.post(address).status_code == 405


def test_answers_are_counted_by_decision(client, bot, refunds):
    before = client.get("/metrics").content.decode()
    bot.ask()
    bot.ask("do you sell aquarium heaters for tropical fish")
    after = client.get("/metrics").content.decode()
    for decision in ("answer", "abstain"):
        counts = [
            figure(text, "touchstone_answers_total", decision=decision) for text in (before, after)
        ]
        assert counts[1] == counts[0] + 1


def test_a_replay_is_not_counted_again(client, bot, refunds):
    for _ in range(2):
        bot.post("answers", {"query": "how long"}, **{"Idempotency-Key": "k"})
    before = client.get("/metrics").content.decode()
    bot.post("answers", {"query": "how long"}, **{"Idempotency-Key": "k"})
    after = client.get("/metrics").content.decode()
    assert figure(before, "touchstone_answers_total") == figure(after, "touchstone_answers_total")


def test_requests_are_counted_by_route_and_never_by_address(client, bot):
    bot.get("articles/some-slug-nobody-has")
    text = client.get("/metrics").content.decode()
    route = "api/v1/articles/<slug:slug>"
    assert figure(text, "touchstone_request_seconds_count", route=route, status="404") >= 1
    assert "some-slug-nobody-has" not in text


def test_figures_of_all_processes_are_added_up(client, tmp_path):
    kept, settings.KB = settings.KB, {**settings.KB, "home": tmp_path}
    code = (
        "import pathlib; from kb.api import metrics\n"
        "metrics._open(pathlib.Path({home!r}), {parent}).answers"
        ".labels(decision='answer', reason='grounded').inc(5)"
    )
    try:
        metrics.count_answer(decision="answer", reason="grounded")
        folder = metrics._figures().folder
        program = code.format(parent=folder.name, home=str(tmp_path))
        setup = "import django; django.setup()\n"
        for _ in range(2):
            subprocess.run([sys.executable, "-c", setup + program], check=True)
        text = client.get("/metrics").content.decode()
    finally:
        settings.KB = kept
    assert figure(text, "touchstone_answers_total", decision="answer") == 11


def test_figures_of_services_that_ended_are_removed(client, tmp_path):
    ended = tmp_path / "metrics" / "2147483646"
    ended.mkdir(parents=True)
    kept, settings.KB = settings.KB, {**settings.KB, "home": tmp_path}
    try:
        metrics.count_answer(decision="answer", reason="grounded")
    finally:
        settings.KB = kept
    assert not ended.exists()


def test_the_log_names_a_refused_request_by_the_id_its_reply_carries(client):
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RequestIdFilter())
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        response = client.get("/api/v1/nothing")
    finally:
        logger.removeHandler(handler)
    assert response.status_code == 404
    assert json.loads(written.getvalue())["request_id"] == response["X-Request-Id"]
