"""The OpenAPI document: served, whole, and the one that is kept in the tests.

After a change that is meant, write the kept one anew and read its difference:

    python manage.py spectacular --api-version v1 --custom-settings kb.api.reference.OPENAPI \\
        --file tests/api/openapi.yaml
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from django.test import Client as Browser

from kb.api.reference import document
from tests.api.test_errors import addresses

KEPT = Path(__file__).with_name("openapi.yaml")
METHODS = ("get", "post", "put", "patch", "delete")


def operations():
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def test_the_served_document_is_the_kept_one():
    kept = yaml.safe_load(KEPT.read_text(encoding="utf-8"))
    made = json.loads(json.dumps(document(), default=str))
    assert made == kept, "the API changed: see this module's first lines"


def test_it_is_served_without_a_key_as_json_or_yaml():
    as_json = Browser().get("/api/v1/schema")
    assert (as_json.status_code, as_json["Content-Type"]) == (200, "application/json")
    for given in (
        {"query_params": {"format": "yaml"}},
        {"headers": {"Accept": "application/yaml"}},
    ):
        as_yaml = Browser().get("/api/v1/schema", **given)
        assert yaml.safe_load(as_yaml.content) == as_json.json()


def test_every_address_is_in_it():
    shown = {path.split("{")[0] for path in document()["paths"]}
    apart = ("schema", "docs", "no/such/address")
    for address in addresses():
        if not address.endswith(apart):
            assert any(address.startswith(one) for one in shown), address


def test_every_refusal_is_in_the_one_shape():
    for path, method, operation in operations():
        statuses = set(operation["responses"])
        assert {"401", "404", "406", "422", "429", "503"} <= statuses, (path, method)
        if method == "post":
            assert {"400", "409", "411", "413", "415"} <= statuses, (path, method)
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"]


def test_every_operation_has_a_name_a_summary_and_needs_a_key():
    names = [operation["operationId"] for _path, _method, operation in operations()]
    assert len(names) == len(set(names))
    for _path, _method, operation in operations():
        assert operation["summary"].endswith(("?", "."))
        assert operation["description"]
        assert operation["security"] == [{"clientKey": []}]


def test_a_request_refuses_fields_that_are_not_in_it():
    schemas = document()["components"]["schemas"]
    for name in ("AnswerRequest", "HoldRequest", "TurnRequest"):
        assert schemas[name]["additionalProperties"] is False


@pytest.mark.parametrize("address", ["/api/v1/docs", "/api/v1/docs?script="])
def test_the_page_asks_nothing_from_elsewhere(address):
    response = Browser().get(address)
    assert response.status_code == 200
    text = response.content.decode()
    assert "http://" not in text
    assert "https://" not in text.replace("https://www.apache.org", "")
