"""v1 changes only by adding: what would break a client is found, and what adds is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from automate_web.api import schema
from automate_web.api.breaking import breaks

Document = dict[str, Any]
BEFORE: Document = {
    "paths": {
        "/runs": {
            "get": {
                "operationId": "runs_list",
                "parameters": [
                    {"in": "query", "name": "status", "schema": {"type": "string", "enum": ["failed", "held"]}},
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Run"}}}},
                    "404": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Run"}}}},
                },
            },
            "post": {
                "operationId": "runs_create",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            },
        },
        "/old": {"get": {"operationId": "old_get", "responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "Run": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "status": {"type": "string", "enum": ["failed", "held"]},
                    "error": {"type": ["string", "null"]},
                    "child": {"$ref": "#/components/schemas/Run"},
                },
                "required": ["id", "status"],
            },
            "New": {
                "type": "object",
                "properties": {"note": {"type": "string", "maxLength": 300}, "tags": {"type": "array", "items": {}}},
                "required": ["note"],
            },
        }
    },
}
Change = Callable[[Document], Any]


def run(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["Run"]
    return found


def new(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["New"]
    return found


def listing(document: Document) -> Document:
    found: Document = document["paths"]["/runs"]["get"]
    return found


BREAKING: list[tuple[Change, str]] = [
    (lambda d: d["paths"].pop("/old"), "/old: the path is gone"),
    (lambda d: d["paths"]["/runs"].pop("post"), "POST /runs: the operation is gone"),
    (lambda d: listing(d).update(operationId="runs"), "its id was runs_list, now runs"),
    (lambda d: listing(d)["parameters"].pop(), "query parameter limit is gone"),
    (lambda d: listing(d)["parameters"][1].update(required=True), "limit is now required"),
    (lambda d: listing(d)["parameters"][1]["schema"].update(maximum=100), "limit: maximum is now 100"),
    (lambda d: listing(d)["parameters"][1]["schema"].update(minimum=1), "limit: minimum is now 1"),
    (lambda d: listing(d)["parameters"][0]["schema"].update(enum=["failed"]), "status takes not held"),
    (
        lambda d: listing(d)["parameters"].append({"in": "header", "name": "X", "required": True, "schema": {}}),
        "header parameter X is new and required",
    ),
    (lambda d: listing(d)["responses"].pop("200"), "does not answer 200 any more"),
    (lambda d: run(d)["properties"].pop("error"), "answer 200.error is gone"),
    (lambda d: run(d)["required"].remove("status"), "answer 200.status is not always there any more"),
    (lambda d: run(d)["properties"]["status"]["enum"].append("lost"), "answer 200.status may be now lost"),
    (lambda d: run(d)["properties"]["status"].pop("enum"), "answer 200.status may be any value now"),
    (lambda d: run(d)["properties"]["id"].update(type=["string", "null"]), "answer 200.id may be now null"),
    (lambda d: run(d)["properties"]["id"].pop("format"), "answer 200.id: its format was uuid, now free"),
    (lambda d: new(d)["properties"].pop("tags"), "body.tags is gone"),
    (lambda d: new(d)["properties"]["note"].update(type="integer"), "body.note takes not string"),
    (lambda d: new(d)["properties"]["note"].update(maxLength=100), "body.note: maxLength is now 100"),
    (lambda d: new(d)["properties"]["note"].update(pattern="^a"), "body.note: its pattern is now ^a"),
    (lambda d: new(d)["required"].append("tags"), "body.tags is now required"),
    (
        lambda d: (new(d)["properties"].update(why={"type": "string"}), new(d)["required"].append("why")),
        "body.why is new and required",
    ),
    (lambda d: d["paths"]["/runs"]["post"].pop("requestBody"), "it takes no body any more"),
]
ADDING: list[Change] = [
    lambda d: d["paths"].update({"/new": {"get": {"operationId": "new_get", "responses": {}}}}),
    lambda d: listing(d)["parameters"].append({"in": "query", "name": "q", "schema": {"type": "string"}}),
    lambda d: listing(d)["parameters"][0]["schema"]["enum"].append("queued"),
    lambda d: listing(d)["parameters"][1]["schema"].update(maximum=500),
    lambda d: listing(d)["responses"].update({"202": {}}),
    lambda d: listing(d)["responses"].pop("404"),
    lambda d: run(d)["properties"].update(started_at={"type": "string"}),
    lambda d: run(d)["required"].append("error"),
    lambda d: run(d)["properties"]["error"].update(type="string"),
    lambda d: run(d)["properties"]["status"].update(enum=["failed"]),
    lambda d: new(d)["properties"].update(why={"type": "string"}),
    lambda d: new(d)["required"].clear(),
    lambda d: new(d)["properties"]["note"].update(type=["string", "null"]),
    lambda d: new(d)["properties"]["note"].pop("maxLength"),
    lambda d: listing(d).update(summary="Other words", tags=["other"]),
]


@pytest.mark.parametrize(("change", "told"), BREAKING, ids=[told for _, told in BREAKING])
def test_what_breaks_a_client_is_named_with_its_place(change: Change, told: str) -> None:
    after = copy.deepcopy(BEFORE)
    change(after)

    assert any(told in line for line in breaks(BEFORE, after)), breaks(BEFORE, after)


@pytest.mark.parametrize("change", ADDING)
def test_what_only_adds_breaks_nobody(change: Change) -> None:
    after = copy.deepcopy(BEFORE)
    change(after)

    assert after != BEFORE
    assert breaks(BEFORE, after) == []


def test_the_document_breaks_no_client_of_the_last_release() -> None:
    assert breaks(json.loads(schema.RELEASED.read_text()), json.loads(schema.FILE.read_text())) == []


def test_the_check_ends_with_an_error_that_says_what_broke(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("automate_openapi", "--check")
    broken = json.loads(schema.FILE.read_text())
    del broken["paths"]["/api/v1/events"]["post"]
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(broken))
    monkeypatch.setattr(schema, "FILE", file)

    with pytest.raises(CommandError, match="POST /api/v1/events: the operation is gone"):
        call_command("automate_openapi", "--check")
