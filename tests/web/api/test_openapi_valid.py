"""The OpenAPI document follows OpenAPI 3.1 itself, and each reference in it leads somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.validation import validate_schema
from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator

from automate_web.api import schema


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema.FILE.read_text())
    return loaded


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validate_schema(document)
    with pytest.raises(ValidationError):
        validate_schema({**document, "paths": {"/events": {"get": {"responses": "none"}}}})


def test_every_schema_in_it_is_a_json_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas
    for part in schemas.values():
        Draft202012Validator.check_schema(part)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)}

    assert references
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]


def test_path_parameters_are_those_in_the_path(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        named = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for operation in methods.values():
            described = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert described == named, path
