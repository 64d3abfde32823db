"""Does the step's connector exist, does it have the action, and are the params what the action takes?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

from automate.definitions.problem import Problem, did_you_mean, pointer
from automate.templating.rendering import has_template
from automate_connectors import registry
from automate_connectors.models import ActionSpec


def find_action_problems(step: dict[str, Any]) -> Iterator[Problem]:
    """Problems of one step with pointers into it. What is a template or a secret is known at run time only."""
    connector, action, params = step.get("connector"), step.get("action"), step.get("params", {})
    if not isinstance(connector, str) or not isinstance(action, str):
        return
    known = registry.all()
    if connector not in known:
        there_are = ", ".join(known)
        hint = did_you_mean(connector, known) or f" There are: {there_are}."
        yield Problem("/connector", "unknown_connector", f'There is no connector "{connector}".{hint}')
        return
    actions = known[connector].actions
    if action not in actions:
        hint = did_you_mean(action, actions) or f" It has: {', '.join(actions)}."
        yield Problem("/action", "unknown_action", f'The connector "{connector}" has no action "{action}".{hint}')
        return
    if isinstance(params, dict):
        for problem in _param_problems(params, actions[action]):
            yield problem.below("/params")


def _param_problems(params: dict[str, Any], spec: ActionSpec) -> Iterator[Problem]:
    for name, field in spec.inputs.items():
        if field.get("required") is True and name not in params:
            yield Problem(pointer(name), "required", f'"{name}" is required.')
    for name, value in params.items():
        here = pointer(name)
        if name in spec.inputs:
            yield from _value_problems(here, value, spec.inputs[name])
        elif not spec.open_inputs:
            yield Problem(here, "unknown_param", f'The action takes no "{name}".{did_you_mean(name, spec.inputs)}')


def _value_problems(here: str, value: Any, field: Mapping[str, Any]) -> Iterator[Problem]:
    if is_open(value):
        return
    wanted = {key: rule for key, rule in field.items() if key != "required" or isinstance(rule, list)}
    try:
        errors = list(Draft202012Validator(wanted).iter_errors(value))
    except SchemaError:
        return  # the connector's own mistake, found by its contract test
    for error in errors:
        if not _open_somewhere(error):
            yield Problem(here + pointer(*error.absolute_path), "wrong_param", _sentence(error))


def _open_somewhere(error: ValidationError) -> bool:
    """Whether the refused value is, or one of several forms holds, something known at run time only."""
    if is_open(error.instance):
        return True
    return error.validator in {"anyOf", "oneOf", "not", "if"} and _holds_open(error.instance)


def is_open(value: Any) -> bool:
    """A template or a reference to a secret: no value yet."""
    if isinstance(value, str):
        return has_template(value) or value.startswith("$secret:")
    return isinstance(value, dict) and "$secret" in value


def _holds_open(value: Any) -> bool:
    if isinstance(value, dict):
        return is_open(value) or any(_holds_open(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_open(item) for item in value)
    return is_open(value)


def _sentence(error: ValidationError) -> str:
    message = error.message[:200]
    return message[:1].upper() + message[1:] + "."
