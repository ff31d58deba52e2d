"""Generated requests against the served document: no 5xx, nothing undocumented, one error shape."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.db import connection
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from config.wsgi import application
from tests import stories
from tests.api.conftest import ASKED, BODY, Bot

ALL_RIGHTS = ["recall", "hold", "findings", "handoffs", "read", "history", "audit"]
FIELDS = {"type", "title", "status", "code", "detail", "request_id"}

schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)


def one_error_shape(ctx: Any, response: Any, case: Any) -> None:
    """Every refusal is a problem with a code; none shows a trace or a table."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"] == ["application/problem+json"]
    body = response.json()
    assert set(body) - {"errors"} == FIELDS
    assert body["status"] == response.status_code
    for word in ("Traceback", "psycopg", "kb_"):
        assert word not in body["detail"]


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
    one_error_shape,
]


@pytest.fixture
def world(own_database: str) -> dict[str, Any]:
    """A few articles, an answer, a hold, and a client with every right."""
    team = stories.staff()
    stories.published(
        team,
        title="How fast are refunds paid",
        body="Refunds are paid within {{ fact refund.days }} of the parcel's arrival.",
        kind="policy",
        facts=({"key": "refund.days", "type": "duration", "value": "14", "unit": "days"},),
    )
    version = stories.published(team, title="When does my refund arrive", body=BODY)
    held = stories.published(team, title="Not now")
    bot = Bot("fuzzer", audience="internal", rights=ALL_RIGHTS)
    answer = bot.ask(ASKED, customer="c-1").json()
    bot.post("holds", {"kind": "version", "target": str(held.pk), "reason": "wrong"})
    real = {"answer_id": answer["id"], "slug": version.article.slug, "number": version.number}
    return {"key": bot.key, "real": real}


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_find_nothing_undocumented(case: Any, world: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {world['key']}"}
    case.call_and_validate(headers=headers, checks=CHECKS)
    if set(case.path_parameters or ()) & set(world["real"]):
        case.path_parameters = {name: world["real"][name] for name in case.path_parameters}
        response = case.call(headers=headers)
        case.validate_response(response, checks=[*CHECKS[:5], one_error_shape])
    assert not connection.in_atomic_block
