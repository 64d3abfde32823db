"""The form of a definition: its published JSON Schema, and what breaks it said in plain words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from automate.definitions.problem import Problem, did_you_mean, pointer

_KINDS = {
    "object": "an object", "array": "a list", "string": "a text", "null": "null",
    "integer": "a whole number", "number": "a number", "boolean": "true or false",
}  # fmt: skip
# Validator → sentence, given what the schema wants and what stands there instead.
_WORDS: dict[str, Callable[[Any, str], str]] = {
    "type": lambda wanted, shown: f"This must be {_kinds(wanted)}, not {shown}.",
    "enum": lambda wanted, shown: f"This must be {' or '.join(json.dumps(choice) for choice in wanted)}, not {shown}.",
    "pattern": lambda _wanted, shown: f"{shown} is not allowed here.",
    "minItems": lambda wanted, _shown: f"At least {wanted} must be here.",
    "maxItems": lambda wanted, _shown: f"At most {wanted:,} may be here.",
    "minLength": lambda _wanted, _shown: "This must not be empty.",
    "maxLength": lambda wanted, _shown: f"This may have {wanted:,} characters at most.",
    "minimum": lambda wanted, shown: f"This must be at least {wanted:,}, not {shown}.",
    "maximum": lambda wanted, shown: f"This must be at most {wanted:,}, not {shown}.",
    "exclusiveMinimum": lambda wanted, shown: f"This must be more than {wanted:,}, not {shown}.",
}


def schema() -> dict[str, Any]:
    """The published JSON Schema (draft 2020-12) of a definition."""
    text = (Path(__file__).parent / "workflow.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def find_structure_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    """Missing, unknown and malformed fields."""
    for error in _validator().iter_errors(definition):
        yield from _problems(error)


@lru_cache(maxsize=1)
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def _problems(error: ValidationError) -> Iterator[Problem]:
    here, kind, given = pointer(*error.absolute_path), str(error.validator), cast("dict[str, Any]", error.instance)
    if kind == "required":  # one error for each missing name, which stands in its message only
        for name in cast("list[str]", error.validator_value):
            if name not in given and repr(name) in error.message:
                yield Problem(here + pointer(name), "required", f'"{name}" is required.')
    elif kind == "additionalProperties":
        known = error.schema["properties"] if isinstance(error.schema, dict) else {}
        for name in given:
            if name not in known:
                yield Problem(
                    here + pointer(name), "unknown_field", f'Unknown field "{name}".{did_you_mean(name, known)}'
                )
    else:
        yield Problem(here, "malformed", _sentence(error, kind))


def _sentence(error: ValidationError, kind: str) -> str:
    value = json.dumps(error.instance, ensure_ascii=False)
    words = _WORDS.get(kind)
    sentence = words(error.validator_value, value if len(value) <= 60 else value[:60] + "…") if words else ""
    described = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    return f"{sentence or error.message[:200]} {described}".strip()


def _kinds(wanted: str | list[str]) -> str:
    return " or ".join(_KINDS[name] for name in ([wanted] if isinstance(wanted, str) else wanted))
