"""A call's parameters, checked against what the action declares, before anything is sent.

Messages name the field and what it takes, never its value: that may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from automate_connectors.models import ActionSpec, ConnectorError

_EXPECTATIONS = {
    "type": "must be {}",
    "enum": "is one of {}",
    "minimum": "is at least {}",
    "maximum": "is at most {}",
    "exclusiveMinimum": "is more than {}",
    "minLength": "has at least {} characters",
    "maxLength": "has at most {} characters",
    "minItems": "has at least {} items",
    "maxItems": "has at most {} items",
    "minProperties": "has at least {} fields",
    "maxProperties": "has at most {} fields",
    "pattern": "does not look like {}",
}


def invalid(message: str) -> ConnectorError:
    """The error of parameters that make no call. Nothing was sent."""
    return ConnectorError(message, code="invalid_params")


def checked(spec: ActionSpec, params: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `params` with the defaults of `spec` filled in and empty (null) optional ones left out.

    Raises ConnectorError (`invalid_params`) naming the first field that does not fit.
    """
    given = {name: value for name, value in params.items() if value is not None}
    for name, field in spec.inputs.items():
        if name not in given and "default" in field:
            given[name] = field["default"]
        elif name not in given and field.get("required") is True:
            raise invalid(f"`{name}` is required.")
    for name, value in given.items():
        if name in spec.inputs:
            _check_field(name, value, spec.inputs[name])
        elif not spec.open_inputs:
            raise invalid(f"The action takes no `{name}`.")
    return given


def field_schema(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field as plain JSON Schema: `required: true` is ours, and says something about its parent."""
    return {key: rule for key, rule in field.items() if key != "required" or isinstance(rule, list)}


def _check_field(name: str, value: Any, field: Mapping[str, Any]) -> None:
    error = next(_validator(_Same(field)).iter_errors(value), None)
    if error is not None:
        raise invalid(f"`{'.'.join([name, *map(str, error.absolute_path)])}` {_expectation(error)}.")


def _expectation(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    if error.validator == "required":
        missing = [name for name in wanted if name not in _names(error)]
        return f"lacks `{missing[0]}`"
    if error.validator == "additionalProperties":
        return "has a field that is not known"
    shown = ", ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
    return _EXPECTATIONS.get(str(error.validator), f"does not fit ({error.validator})").format(shown)


def _names(error: ValidationError) -> Mapping[str, Any]:
    return error.instance if isinstance(error.instance, Mapping) else {}


class _Same:
    """A field as a cache's key: the same object, which lives as long as its adapter's class."""

    def __init__(self, field: Mapping[str, Any]):
        self.field = field

    def __hash__(self) -> int:
        return id(self.field)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.field is self.field


@lru_cache(maxsize=1024)
def _validator(same: _Same) -> Draft202012Validator:
    return Draft202012Validator(field_schema(same.field))
