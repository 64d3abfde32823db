"""Tests: what may stand after `is`."""

from __future__ import annotations

from typing import Any

from jinja2.runtime import Undefined

from automate.templating.filters.arguments import number_of
from automate.templating.filters.registry import as_test
from automate.templating.values import as_text


@as_test("defined", takes_missing=True)
def _is_defined(value: Any) -> bool:
    return not isinstance(value, Undefined)


@as_test("undefined", takes_missing=True)
def _is_undefined(value: Any) -> bool:
    return isinstance(value, Undefined)


@as_test("none")
def _is_none(value: Any) -> bool:
    return value is None


@as_test("string")
def _is_string(value: Any) -> bool:
    return type(value) is str


@as_test("number")
def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


@as_test("boolean")
def _is_boolean(value: Any) -> bool:
    return type(value) is bool


@as_test("mapping")
def _is_mapping(value: Any) -> bool:
    return type(value) is dict


@as_test("sequence")
def _is_sequence(value: Any) -> bool:
    return type(value) in (list, tuple)


@as_test("odd")
def _is_odd(value: Any) -> bool:
    return number_of(value) % 2 == 1


@as_test("even")
def _is_even(value: Any) -> bool:
    return number_of(value) % 2 == 0


@as_test("in")
def _is_in(value: Any, collection: Any) -> bool:
    return value in collection


@as_test("startswith")
def _starts_with(value: Any, beginning: Any) -> bool:
    return as_text(value).startswith(as_text(beginning))


@as_test("endswith")
def _ends_with(value: Any, ending: Any) -> bool:
    return as_text(value).endswith(as_text(ending))
