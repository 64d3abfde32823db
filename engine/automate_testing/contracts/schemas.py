"""Forms: whether a field's JSON Schema can be drawn and checked, and whether values fit what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError


def assert_described(where: str, field: Mapping[str, Any]) -> None:
    """The field is valid JSON Schema, and its default, examples and marks keep to it."""
    schema = _schema(field)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise AssertionError(f"{where} is no valid JSON Schema: {error.message}") from None
    for mark in ("required", "secret"):
        assert isinstance(field.get(mark, False), (bool, list)), f"{where}: `{mark}` is true or false"
    if "default" in field:
        _assert_valid(f"{where}: the default does not fit the field", field["default"], schema)
    for example in field.get("examples", ()):
        if not _is_filled_in_later(example):
            _assert_valid(f"{where}: an example does not fit the field", example, schema)


def assert_fits(
    where: str, values: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]], *, is_open: bool, needs_all: bool
) -> None:
    """Every value fits its field; names beside the fields only where `is_open`."""
    unknown = set(values) - set(fields)
    assert is_open or not unknown, f"{where}: {min(unknown, default='')!r} is not declared"
    for name, field in fields.items():
        if name in values:
            _assert_valid(f"{where}: `{name}`", values[name], _schema(field))
        else:
            assert not (needs_all and field.get("required") is True), f"{where}: `{name}` is required"


def _schema(field: Mapping[str, Any]) -> dict[str, Any]:
    return {key: rule for key, rule in field.items() if key != "required" or isinstance(rule, list)}


def _assert_valid(where: str, value: Any, schema: Mapping[str, Any]) -> None:
    error = next(Draft202012Validator(schema).iter_errors(value), None)
    if error is not None:
        raise AssertionError(f"{where}: it breaks the rule `{error.validator}`")


def _is_filled_in_later(example: Any) -> bool:
    """A reference to a secret or a template stands in for a value."""
    if isinstance(example, Mapping):
        return "$secret" in example or any(_is_filled_in_later(item) for item in example.values())
    return isinstance(example, str) and "{{" in example
