"""One error shape on every address, whatever goes wrong; and never a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client as Browser
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb import errors
from kb.api import problems
from kb.api.parsing import MAX_BYTES, read_object
from kb.api.problems import Malformed

pytestmark = pytest.mark.django_db

PATH_VALUES = {
    "uuid:answer_id": "00000000-0000-7000-8000-000000000000",
    "slug:slug": "no-such-article",
    "int:number": "1",
}
KEYLESS = ("api/v1/schema", "api/v1/docs")


def addresses() -> Iterator[str]:
    """Every address under /api, with something that fits in place of its parameters."""
    for prefix in get_resolver().url_patterns:
        if str(prefix.pattern) != "api/v1/":
            continue
        for pattern in prefix.url_patterns:
            route = str(pattern.pattern)
            for name, value in PATH_VALUES.items():
                route = route.replace(f"<{name}>", value)
            yield f"/api/v1/{route}" if route else "/api/v1/no/such/address"


def assert_problem(response, status: int, code: str) -> dict:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    body = json.loads(response.content)
    assert set(body) - {"errors"} == {"type", "title", "status", "code", "detail", "request_id"}
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:touchstone:error:{code}"
    assert body["request_id"] == response["X-Request-Id"]
    return body


def test_the_test_sees_every_address():
    found = list(addresses())
    assert "/api/v1/answers" in found
    assert len(found) == len(set(found)) >= 10


@pytest.mark.parametrize("address", list(addresses()))
def test_without_a_key_every_address_refuses_in_the_one_shape(address, db):
    response = Browser().get(address)
    if address.removeprefix("/").startswith(KEYLESS):
        assert response.status_code == 200
    elif "no/such" in address:
        assert_problem(response, 404, "not_found")
    else:
        assert_problem(response, 401, "unauthenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("address", list(addresses()))
def test_a_method_that_is_not_there_is_refused_in_the_one_shape(bot, address, method):
    response = bot.send(method, address.removeprefix("/api/v1/"))
    if "no/such" in address:
        assert_problem(response, 404, "not_found")
    else:
        assert_problem(response, 405, "method_not_allowed")
        assert response["Allow"]


@pytest.mark.parametrize("address", ["answers", "holds", "changes", "articles", "articles/x"])
def test_an_unknown_parameter_is_refused_by_its_name(make_bot, address):
    bot = make_bot("all", rights=["recall", "hold", "history"])
    body = assert_problem(bot.get(address, {"colour": "red"}), 422, "invalid")
    assert "colour" in body["errors"]


def test_a_post_takes_no_parameters(bot):
    body = assert_problem(bot.post("answers?colour=red", {"query": "a"}), 422, "invalid")
    assert "colour" in body["errors"]


def test_a_parameter_given_twice_is_refused(bot):
    body = assert_problem(bot.get("articles?limit=1&limit=2"), 422, "invalid")
    assert "limit" in body["errors"]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("articles?limit=0", "limit"),
        ("articles?limit=201", "limit"),
        ("articles?limit=ten", "limit"),
        ("articles?limit=1.0", "limit"),
        ("articles?cursor=-1", "cursor"),
        ("articles?cursor=99999999999999999999", "cursor"),
        ("articles?cursor=%00", "cursor"),
        ("articles?as_of=2026-03-03", "as_of"),
        ("changes?after=x", "after"),
        ("changes?after=999999999999999999", "after"),
        ("changes?limit=501", "limit"),
        ("articles/x?language=%00", "language"),
        ("articles/x?language=q", "language"),
        ("holds?cursor=a", "cursor"),
        ("answers?article=x&limit=0", "limit"),
        ("answers?article=%00", "article"),
        ("answers?article=x&version=y", "version"),
        ("answers", "version"),
        ("answers?article=x&from=now", "from"),
        ("answers?article=x&to=2026-13-01T00:00:00Z", "to"),
        ("answers?article=x&purpose=fun", "purpose"),
        ("answers?version=" + "9" * 141, "version"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_by_its_name(make_bot, address, field):
    bot = make_bot("all", rights=["recall", "hold", "history"])
    body = assert_problem(bot.get(address), 422, "invalid")
    assert field in body["errors"]


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b'"query"', 400, "malformed"),
        (b"null", 400, "malformed"),
        (b'{"query": "a", "query": "b"}', 400, "malformed"),
        (b'{"query": NaN}', 400, "malformed"),
        (b'{"query": "a", "max_results": 1e999}', 400, "malformed"),
        (b'{"query": "a", "max_results": %s}' % (b"9" * 5000), 400, "malformed"),
        (b'{"query": "\xff\xfe"}', 400, "malformed"),
        (b'\xef\xbb\xbf{"query": "a"}', 400, "malformed"),
        (b'{"query": "\\u0000"}', 400, "malformed"),
        (b'{"query": "\\ud800"}', 400, "malformed"),
        (b'{"\\udfff": "a"}', 400, "malformed"),
        (b'{"query": ' + b"[" * 100_000, 400, "malformed"),
        (b'{"scope": ' + b'{"a":' * 30 + b"1" + b"}" * 31, 400, "malformed"),
        (b'{"query": "' + b"x" * MAX_BYTES + b'"}', 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(bot, raw, status, code):
    response = bot.send("POST", "answers", data=raw, content_type="application/json")
    assert_problem(response, status, code)


def test_an_empty_body_lacks_its_fields(bot):
    response = bot.send("POST", "answers", data=b"", content_type="application/json")
    assert "query" in assert_problem(response, 422, "invalid")["errors"]


def test_a_body_of_unknown_length_is_refused(bot):
    response = bot.send(
        "POST",
        "answers",
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked", "Content-Length": ""},
    )
    assert_problem(response, 411, "length_required")


def test_a_body_of_fifty_megabytes_is_refused_unread(bot):
    response = bot.send(
        "POST",
        "answers",
        data=b"{}",
        content_type="application/json",
        headers={"Content-Length": "50000000"},
    )
    assert_problem(response, 413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "a/b;c"])
def test_another_kind_of_body_is_refused(bot, kind):
    response = bot.send("POST", "answers", data=b'{"query": "a"}', content_type=kind)
    assert_problem(response, 415, "unsupported_media_type")


def test_another_charset_is_refused(bot):
    response = bot.send(
        "POST", "answers", data=b"{}", content_type="application/json; charset=utf-16"
    )
    assert_problem(response, 400, "malformed")


def test_a_caller_who_does_not_take_json_is_told(bot):
    assert_problem(bot.get("articles", Accept="text/html"), 406, "not_acceptable")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic YTpi", "Bearer wrong", "Bearer " + "x" * 9999, "\x00é"]
)
def test_a_wrong_key_is_refused(db, header):
    response = Browser().get("/api/v1/articles", headers={"Authorization": header})
    assert_problem(response, 401, "unauthenticated")


@pytest.mark.parametrize(("address", "right"), [("answers?article=x", "recall"), ("holds", "hold")])
def test_a_missing_right_looks_like_a_missing_address(bot, make_bot, address, right):
    refused = assert_problem(bot.get(address), 404, "not_found")
    missing = assert_problem(bot.get("no/such/address"), 404, "not_found")
    assert refused["detail"] == missing["detail"]
    assert make_bot("with", rights=[right]).get(address).json().get("detail") != refused["detail"]


def test_a_hold_without_the_right_changes_nothing(bot, refunds):
    body = {"kind": "article", "target": refunds.article.slug, "reason": "because"}
    assert_problem(bot.post("holds", body), 404, "not_found")
    assert bot.ask().json()["decision"] == "answer"


def test_what_nobody_foresaw_is_told_as_500_without_its_words(caplog):
    response = problems.handle(ZeroDivisionError("the secret"), {})
    assert response.status_code == 500
    assert b"secret" not in response.content
    assert "the secret" in caplog.text


def test_a_foreign_host_is_refused_in_the_one_shape(rf):
    assert problems.bad_request(rf.get("/api/v1/articles"), None).status_code == 400
    assert problems.not_found(rf.get("/api/other"), None)["Content-Type"].startswith(
        "application/problem+json"
    )


def test_every_code_of_the_tree_of_errors_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert codes_of(errors.KbError) - {"error"} <= documented
    assert codes_in_the_source() <= documented


def codes_of(error: type[errors.KbError]) -> set[str]:
    found = {error.code}
    for child in error.__subclasses__():
        found |= codes_of(child)
    return found


def codes_in_the_source() -> set[str]:
    root = Path(__file__).parents[2]
    found: set[str] = set()
    for path in [*(root / "kb" / "actions").glob("*.py"), *(root / "kb" / "api").glob("*.py")]:
        found |= set(re.findall(r'code="([a-z_]+)"', path.read_text(encoding="utf-8")))
    for path in (root / "kb" / "migrations" / "sql").glob("*.sql"):
        found |= set(re.findall(r"kb_refuse\(\s*'(\w+)'", path.read_text(encoding="utf-8")))
    return found


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | nested.map(lambda one: json.dumps(one).encode()))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_an_object_or_a_refusal_that_names_its_place(raw):
    try:
        value = read_object(raw)
    except Malformed as refusal:
        refused = refusal
    else:
        assert isinstance(value, dict)
        assert value == json.loads(raw)
        json.dumps(value, allow_nan=False).encode("utf-8")
        return
    assert refused.fields
    assert refused.status in (400, 413)


@pytest.mark.parametrize("query", ["", "  ", None])
def test_nobody_is_told_to_leave_out_what_is_required(query, bot):
    response = bot.post("answers", {"query": query})
    assert "leave it out" not in response.json()["errors"]["query"]


def test_what_may_be_left_out_is_said_to(bot):
    response = bot.post("answers", {"query": "x", "conversation": None})
    assert "leave it out" in response.json()["errors"]["conversation"]
