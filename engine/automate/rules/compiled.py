"""Compiled rules, kept by the hash of their content, and what can be asked of them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from datalogic_py import DataHandle, Rule

from automate.rules import library
from automate.rules.errors import RuleFailed
from automate.rules.problems import find_rule_problems
from automate.rules.tree import arguments, operator_of

KEPT = 2_048  # compiled rules per process; the least recently used goes first
MAX_POINTER = 300  # characters, as `MatchDecision.failed_at` holds

Context = dict[str, Any] | DataHandle
"""Plain data, or the same data prepared once for many rules (`prepare`)."""


def prepare(context: dict[str, Any]) -> DataHandle:
    """`context` in the form that rules read, to ask many rules about one event."""
    return library.data(context)


@dataclass(frozen=True)
class CompiledRule:
    """A rule that was checked and compiled; threads may share it. `parts` are the conditions of an `and` at its top."""

    rule: Rule | None  # None: no rule, which matches everything
    operator: str | None = None
    parts: tuple[tuple[str, CompiledRule], ...] = ()  # (pointer below this rule, condition)

    def matches(self, context: Context) -> bool:
        """Whether the result is truthy. Raises RuleFailed."""
        return self.rule is None or library.is_true(self.rule, _handle(context))

    def first_failure(self, context: Context) -> str:
        """JSON pointer of the first condition that failed; "" when none did, or when it is the rule as a whole.

        Descends through `and`; an `or` fails as one condition. A condition that cannot be evaluated has failed.
        """
        found = self._first_failure(_handle(context)) or ""
        while len(found) > MAX_POINTER:
            found = found.rpartition("/")[0]
        return found

    def _first_failure(self, handle: DataHandle) -> str | None:
        for path, part in self.parts:
            below = part._first_failure(handle)
            if below is not None:
                return path + below
        if self.parts or self.rule is None:
            return None
        try:
            return None if library.is_true(self.rule, handle) else ""
        except RuleFailed:
            return ""


def compile_rule(rule_spec: Any) -> CompiledRule:
    """The compiled rule, from the cache when one of the same content is there. Raises RuleFailed with every problem."""
    key = _content_hash(rule_spec)
    with _lock:
        if (known := _cache.get(key)) is not None:
            _cache.move_to_end(key)
            return known
    compiled = _compile_checked(rule_spec)
    with _lock:
        _cache[key] = compiled
        while len(_cache) > KEPT:
            _cache.popitem(last=False)
    return compiled


def evaluate(rule_spec: Any, context: dict[str, Any]) -> bool:
    """True if the context matches the rule. Raises RuleFailed. Source: seeds, "Rules Engine"."""
    return compile_rule(rule_spec).matches(context)


def first_failure(rule_spec: Any, context: dict[str, Any]) -> str:
    """See `CompiledRule.first_failure`."""
    return compile_rule(rule_spec).first_failure(context)


_cache: OrderedDict[bytes, CompiledRule] = OrderedDict()
_lock = threading.Lock()


def _content_hash(rule_spec: Any) -> bytes:
    try:
        text = json.dumps(rule_spec, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise RuleFailed(f"A rule is JSON data: {error}") from error
    return hashlib.sha256(text.encode()).digest()


def _compile_checked(rule_spec: Any) -> CompiledRule:
    if problems := find_rule_problems(rule_spec):
        raise RuleFailed(
            f"The rule has {len(problems)} problem(s): {problems[0].message}",
            details={"errors": [problem.as_dict() for problem in problems], "pointer": problems[0].path},
        )
    return CompiledRule(None) if rule_spec is None else _compile(rule_spec)


def _compile(rule_spec: Any) -> CompiledRule:
    operator = operator_of(rule_spec)
    parts: tuple[tuple[str, CompiledRule], ...] = ()
    if operator == "and":
        parts = tuple((path, _compile(part)) for path, part in arguments(rule_spec))
    return CompiledRule(library.compiled(rule_spec), operator, parts)


def _handle(context: Context) -> DataHandle:
    if isinstance(context, DataHandle):
        return context
    if not isinstance(context, dict):
        raise RuleFailed(f"A rule reads an object, not {type(context).__name__}.")
    return library.data(context)
