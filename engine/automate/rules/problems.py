"""Every problem of a rule, found before it can run."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from automate.definitions.problem import Problem, did_you_mean
from automate.rules.library import ENGINE, readable
from automate.rules.operators import BY_KEYS, OPERATORS
from automate.rules.tree import arguments, operator_of, walk

MAX_DEPTH = 64
MAX_NODES = 5_000
_LEAST_ARGUMENTS = {info["name"]: info["min_args"] for info in ENGINE.operators()}


def find_rule_problems(rule_spec: Any, *, known_roots: Collection[str] | None = None) -> list[Problem]:
    """Each with its JSON pointer into the rule; [] when it can be published. A null rule matches everything.

    `known_roots` are the names that a context will have at its top ("payload", "event"); a rule that reads another
    name can never match and is a problem. Without it any name may be read.
    """
    if rule_spec is None or isinstance(rule_spec, bool):
        return []
    if not isinstance(rule_spec, dict) or not rule_spec:
        hint = 'A rule is an object such as {"==": [{"var": "payload.status"}, "paid"]}, or null to match every event.'
        return [Problem("", "not_a_rule", hint)]
    if problem := _too_large(rule_spec):
        return [problem]
    problems = _unknown_operators(rule_spec)
    if not problems:
        problems = _wrong_arguments(rule_spec)
    if known_roots is not None:
        problems += _unknown_roots(rule_spec, known_roots)
    return problems


def _too_large(rule: Any) -> Problem | None:
    for count, (path, _node, depth, _sees_other_data) in enumerate(walk(rule), start=1):
        if depth > MAX_DEPTH:
            return Problem("", "rule_too_deep", f"The rule is nested deeper than {MAX_DEPTH} levels.")
        if count > MAX_NODES:
            return Problem("", "rule_too_large", f"The rule has more than {MAX_NODES:,} parts, at {path}.")
    return None


def _unknown_operators(rule: Any) -> list[Problem]:
    problems = []
    for path, node, _depth, _sees_other_data in walk(rule):
        if isinstance(node, dict) and len(node) > 1:
            names = ", ".join(f'"{name}"' for name in list(node)[:5])
            message = f"An object in a rule is one operator and its arguments; this one has {names}."
            problems.append(Problem(path, "not_an_operator", message))
            continue
        operator = operator_of(node)
        if operator is not None and operator not in OPERATORS:
            message = f'Unknown operator "{operator}".{did_you_mean(operator, OPERATORS)}'
            problems.append(Problem(path, "unknown_operator", message))
    return problems


def _wrong_arguments(rule: Any) -> list[Problem]:
    try:
        found = ENGINE.check(readable(rule))
    except Exception as error:  # the library could not even read it
        return [Problem("", "rule_unreadable", f"The rule cannot be read: {str(error)[:200]}.")]
    problems = [Problem(d["pointer"], "wrong_arguments", _sentence(d["message"])) for d in found]
    told = {problem.path for problem in problems}
    for path, node, _depth, _sees_other_data in walk(rule):
        operator = operator_of(node)
        if operator is None or path in told:
            continue
        least = _LEAST_ARGUMENTS.get(operator, 0)
        if len(arguments(node)) < least and operator not in {"in", "missing_some"}:
            continue  # the library said nothing: a lone argument may be a list at run time
        if len(arguments(node)) < least:
            problems.append(Problem(path, "wrong_arguments", f"`{operator}` takes at least {least} arguments."))
    return problems


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?")) else ".")


def _unknown_roots(rule: Any, known_roots: Collection[str]) -> list[Problem]:
    problems = []
    for path, node, _depth, sees_other_data in walk(rule):
        operator = operator_of(node)
        if sees_other_data or operator not in {"var", "missing", *BY_KEYS}:
            continue
        read = arguments(node)
        for below, name in read if operator == "missing" else read[:1]:
            if not isinstance(name, str) or not name:
                continue
            keys = [name] if operator in BY_KEYS else name.split(".")
            if keys[0] not in known_roots:
                problems.append(Problem(path + below, "unknown_name", _where_it_is(name, operator, known_roots)))
    return problems


def _where_it_is(name: str, operator: str | None, known_roots: Collection[str]) -> str:
    root, *below = name.split(".")
    known = ", ".join(f'"{known}"' for known in known_roots)
    if operator not in BY_KEYS:
        return f'Nothing is called "{root}" here: a rule reads {known}. Did you mean "payload.{name}"?'
    if root in known_roots:
        keys = json.dumps([root, *below], ensure_ascii=False)
        return f'`{operator}` takes a path key by key: {{"{operator}": {keys}}}.'
    keys = json.dumps(["payload", root, *below], ensure_ascii=False)
    return f'Nothing is called "{name}" here: a rule reads {known}. Did you mean {{"{operator}": {keys}}}?'
