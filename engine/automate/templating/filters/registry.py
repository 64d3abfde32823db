"""How a filter or test is made: registered by name, counted on every call, what is missing refused before it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined

from automate.templating.limits import budget, check_text

FILTERS: dict[str, Callable[..., Any]] = {}
TESTS: dict[str, Callable[..., bool]] = {}
_F = TypeVar("_F", bound=Callable[..., Any])


def refuse_missing(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, Undefined):
            raise UndefinedError(value._undefined_message)


def as_filter(*names: str, takes_missing: bool = False) -> Callable[[_F], _F]:
    """Register a filter. Every call is a tick; what is missing is refused before; what comes out is bounded."""

    def register(function: _F) -> _F:
        @functools.wraps(function)
        def bounded(value: Any, *args: Any, **options: Any) -> Any:
            budget.get().tick()
            refuse_missing((*(() if takes_missing else (value,)), *args, *options.values()))
            made = function(value, *args, **options)
            if type(made) is str:
                check_text(len(made))
                budget.get().make(len(made))
            elif type(made) is list:
                budget.get().make(8 * len(made))
            return made

        for name in names:
            FILTERS[name] = bounded
        return function

    return register


def as_test(*names: str, takes_missing: bool = False) -> Callable[[_F], _F]:
    def register(function: _F) -> _F:
        @functools.wraps(function)
        def bounded(value: Any, *args: Any) -> bool:
            budget.get().tick()
            refuse_missing((*(() if takes_missing else (value,)), *args))
            return bool(function(value, *args))

        for name in names:
            TESTS[name] = bounded
        return function

    return register
