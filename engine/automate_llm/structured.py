"""Structured answers: the answer is JSON that fits a schema, or the model gets one chance to mend it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator

from automate_llm.errors import InvalidRequest

MAX_PROBLEMS = 10
MAX_SCHEMA_BYTES = 64 * 1024


class Schema:
    """A JSON Schema (2020-12) of the answer. What is no object is wrapped in one on the way: providers want objects.

    Raises InvalidRequest for a schema that is none.
    """

    def __init__(self, schema: Mapping[str, Any]):
        try:
            if len(json.dumps(schema)) > MAX_SCHEMA_BYTES:
                raise InvalidRequest("The schema is larger than 64 KiB.")
            Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise InvalidRequest(f"`schema` is no JSON Schema: {error.message[:300]}") from None
        except (TypeError, ValueError, RecursionError):
            raise InvalidRequest("`schema` must be JSON.") from None
        if _has_foreign_ref(schema):
            raise InvalidRequest("`schema` may refer to its own parts only (`#/$defs/…`).")
        if _has_pattern(schema):  # a hostile pattern would hold the event loop for minutes
            raise InvalidRequest("`pattern` and `patternProperties` are not checked here: use `enum`, or a later rule.")
        self._is_wrapped = schema.get("type") != "object"
        self.sent: dict[str, Any] = (
            {"type": "object", "properties": {"value": _bare(schema)}, "required": ["value"], **_definitions(schema)}
            if self._is_wrapped
            else dict(schema)
        )
        self._validator = Draft202012Validator(self.sent)

    def read(self, text: str) -> tuple[Any, list[str]]:
        """The answer's data, and what is wrong with it: the data is good where nothing is."""
        try:
            data = json.loads(_without_fence(text))
        except (ValueError, RecursionError):
            return None, ["The answer is not JSON."]
        found = sorted(self._validator.iter_errors(data), key=lambda error: error.json_path)[:MAX_PROBLEMS]
        problems = [f"{error.json_path}: {error.message[:200]}" for error in found]
        if problems:
            return None, problems
        return (data["value"] if self._is_wrapped else data), []


def repair_request(text: str, problems: list[str]) -> list[dict[str, str]]:
    """The messages that ask the model to mend its answer, to be put after those it answered."""
    return [
        {"role": "assistant", "content": text or "(no answer)"},
        {
            "role": "user",
            "content": "That answer does not fit the schema:\n- "
            + "\n- ".join(problems)
            + "\nGive the whole answer again, as JSON that fits the schema, and nothing else.",
        },
    ]


def _without_fence(text: str) -> str:
    """Many models put JSON into a Markdown fence."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[3:-3].removeprefix("json").strip()
    return text


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`$defs` stay at the root, where references look for them."""
    return {"$defs": schema["$defs"]} if "$defs" in schema else {}


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in schema.items() if name != "$defs"}


def _has_pattern(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        names = isinstance(schema.get("pattern"), str) or "patternProperties" in schema
        return names or any(_has_pattern(part) for part in schema.values())
    return isinstance(schema, list) and any(_has_pattern(part) for part in schema)


def _has_foreign_ref(schema: Any, depth: int = 0) -> bool:
    if depth > 64:
        return True
    if isinstance(schema, Mapping):
        ref = schema.get("$ref") or schema.get("$dynamicRef")
        if isinstance(ref, str) and not ref.startswith("#"):
            return True
        return any(_has_foreign_ref(part, depth + 1) for part in schema.values())
    return isinstance(schema, list) and any(_has_foreign_ref(part, depth + 1) for part in schema)
