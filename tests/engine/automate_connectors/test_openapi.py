"""OpenAPI documents as steps: parameters, bodies, credentials; and documents that are wrong, endless or sly."""

from __future__ import annotations

from typing import Any

import pytest

from automate_connectors.http.openapi import Operation, read
from automate_connectors.http.request import as_call
from automate_governance.errors import Invalid

SHOP: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Shop API", "version": "1.4"},
    "servers": [{"url": "https://{region}.shop.example.com/v1", "variables": {"region": {"default": "eu"}}}],
    "security": [{"bearer": []}],
    "paths": {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {"operationId": "getOrder", "summary": "Get an order", "tags": ["orders"]},
            "patch": {
                "operationId": "changeOrder",
                "parameters": [
                    {"name": "notify", "in": "query", "required": True, "schema": {"default": False}},
                    {"name": "X-Shop", "in": "header", "required": True, "schema": {"type": "string"}},
                    {"name": "verbose", "in": "query", "schema": {"type": "boolean"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
            },
        },
        "/status": {"get": {"security": []}, "post": {"security": [{"key": []}], "requestBody": {"content": {
            "application/x-www-form-urlencoded": {"example": {"state": "open"}}}}}},
        "/token": {"get": {"security": [{"machine": ["read"]}]}, "put": {"security": [{"basic": []}]}},
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
        "schemas": {
            "Order": {
                "allOf": [{"$ref": "#/components/schemas/Noted"}],
                "type": "object",
                "required": ["total", "buyer"],
                "properties": {
                    "total": {"type": "number", "example": 9.5},
                    "buyer": {"type": "object", "required": ["full-name"], "properties": {"full-name": {}, "age": {}}},
                    "parent": {"$ref": "#/components/schemas/Order"},
                },
            },
            "Noted": {"properties": {"note": {"type": "string"}}},
        },
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic"},
            "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            "machine": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}}},
        },
    },
}  # fmt: skip


def operation(code: str, document: dict[str, Any] = SHOP) -> Operation:
    return next(found for found in read(document, name="Shop").operations if found.code == code)


def test_a_read_has_its_address_and_its_token() -> None:
    found = operation("get_order")

    assert found.step == {
        "id": "get_order",
        "connector": "http",
        "action": "request",
        "params": {
            "method": "GET",
            "url": "https://eu.shop.example.com/v1/orders/{{ payload.id }}",
            "auth": {"type": "bearer", "token": {"$secret": "SHOP_TOKEN"}},
        },
    }
    assert (found.name, found.tags, found.secrets) == ("Get an order", ["orders"], ["SHOP_TOKEN"])


def test_a_change_has_its_parameters_and_the_required_part_of_its_body() -> None:
    found = operation("change_order")
    params = found.step["params"]

    assert params["query"] == {"notify": False}
    assert params["headers"] == {"X-Shop": '{{ payload["X-Shop"] }}'}
    assert params["json"] == {"total": 9.5, "buyer": {"full-name": '{{ payload.buyer["full-name"] }}'}}
    assert found.notes == ["Optional, left out: verbose.", "Optional in the body, left out: note, parent."]


def test_each_scheme_becomes_references_and_none_is_none() -> None:
    auths = {found.code: found.step["params"].get("auth") for found in read(SHOP, name="Shop").operations}

    assert auths["get_status"] is None
    assert auths["post_status"] == {
        "type": "api_key",
        "name": "X-Api-Key",
        "value": {"$secret": "SHOP_X_API_KEY"},
        "in": "header",
    }
    assert auths["get_token"]["token_url"] == "https://eu.shop.example.com/oauth/token"
    assert auths["put_token"]["password"] == {"$secret": "SHOP_PASSWORD"}
    assert operation("post_status").step["params"]["form"] == {"state": "open"}


def test_what_comes_out_is_what_the_connector_takes() -> None:
    for found in read(SHOP).operations:
        assert as_call(found.step["params"], {}).method == found.method


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "an object"),
        ({"swagger": "2.0"}, "Swagger 2.0"),
        ({"openapi": "3.1.0", "paths": {"/": {"get": {}}}}, "server address"),
        ({"openapi": "3.1.0", "servers": [{"url": "/v1"}], "paths": {"/": {"get": {}}}}, "server address"),
        ({"openapi": "3.1.0", "servers": [{"url": "https://a.example"}], "paths": []}, "no operations"),
    ],
)
def test_what_is_no_document_says_what_is_missing(document: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read(document)


def sly(**operation: Any) -> dict[str, Any]:
    schemas = {"Loop": {"$ref": "#/components/schemas/Loop"}, "Big": {"properties": {}}}
    schemas["Big"]["properties"] = {f"f{n}": {"$ref": "#/components/schemas/Big"} for n in range(100)}  # type: ignore[index]
    return {
        "openapi": "3.1.0",
        "servers": [{"url": "https://a.example"}],
        "paths": {"/a": {"post": operation}},
        "components": {"schemas": schemas},
    }


@pytest.mark.parametrize("reference", ["#/components/schemas/Loop", "https://evil.example/x.json", "#/nowhere", 7])
def test_references_that_lead_nowhere_are_an_open_body(reference: Any) -> None:
    found = read(sly(requestBody={"content": {"application/json": {"schema": {"$ref": reference}}}})).operations[0]
    assert found.step["params"]["json"] == "{{ payload }}"


def test_a_body_that_unfolds_without_end_is_cut() -> None:
    media = {"schema": {"$ref": "#/components/schemas/Big"}}
    found = read(sly(requestBody={"content": {"application/json": media}})).operations[0]
    assert len(str(found.step)) < 20_000


@pytest.mark.parametrize(
    "example", [{"token": {"$secret": "STRIPE_KEY"}}, {"a": "{{ steps.a.output }}"}, "$secret:KEY"]
)
def test_an_example_brings_no_reference_and_no_template_along(example: Any) -> None:
    found = read(sly(requestBody={"content": {"application/json": {"example": example}}})).operations[0]
    assert found.step["params"]["json"] == "{{ payload }}"
    assert found.secrets == []


def test_operations_of_one_name_are_told_apart() -> None:
    document = sly(operationId="do It!")
    document["paths"]["/b"] = {"get": {"operationId": "do-it"}}
    assert [found.code for found in read(document).operations] == ["do_it", "do_it_2"]
