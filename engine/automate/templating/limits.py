"""How much a template may be, do and make; and the budget that counts it while one `render` is at work."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any

from automate.templating.errors import TemplateFailed
from automate.templating.unknown import Unknown, UnknownValue

MAX_TEMPLATE = 16_384  # characters of one template
MAX_NODES = 1_000  # of its syntax tree
MAX_SYNTAX_DEPTH = 60
MAX_LOOP_DEPTH = 2
MAX_TICKS = 200_000  # loop turns and filter calls of one render
MAX_SECONDS = 1.0  # of processor time for one render: a busy machine fails nobody, and a template never waits
MAX_TEXT = 1_048_576  # characters of one text made by a template
MAX_SIZE = 8_388_608  # of everything one render makes: characters, and 8 for each other value
MAX_VALUE_SIZE = 1_048_576  # of one value a template makes or writes out, in full wherever a part is repeated
MAX_VALUE_DEPTH = 100
MAX_NUMBER_BITS = 1_024

SECRET_KEY = "$secret"  # noqa: S105  # the name of a reference
SECRET_PREFIX = "$secret:"  # noqa: S105
PLAIN = frozenset({dict, list, tuple, str, int, float, bool, type(None)})


class Budget:
    """What is left for one `render`. Every count ends in TemplateFailed when it is used up."""

    __slots__ = ("deadline", "size", "ticks")

    def __init__(self) -> None:
        self.ticks = MAX_TICKS
        self.size = MAX_SIZE
        self.deadline = 0.0  # set by the first tick: most renders need none

    def tick(self, count: int = 1) -> None:
        self.ticks -= count
        if self.ticks < 0:
            raise TemplateFailed(f"The template needs more than {MAX_TICKS:,} steps.")
        now = time.thread_time()
        self.deadline = self.deadline or now + MAX_SECONDS
        if now > self.deadline:
            raise TemplateFailed(f"The template needs more than {MAX_SECONDS:g} s.")

    def make(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            raise TemplateFailed(f"The templates of one step make more than {MAX_SIZE:,} characters.")


budget: ContextVar[Budget] = ContextVar("template_budget")


def check_value(value: Any, *, limit: int = MAX_VALUE_SIZE) -> int:
    """The size of `value`; TemplateFailed when it is larger, deeper or other than plain data may be."""
    return limit - _measure(value, limit, 0)


def check_text(length: int) -> None:
    """Refuse a text of this length before it is made."""
    if length > MAX_TEXT:
        raise TemplateFailed(f"The template makes a text longer than {MAX_TEXT:,} characters.")


def check_number(value: Any) -> Any:
    """Refuse a number larger than anybody counts."""
    if isinstance(value, int) and value.bit_length() > MAX_NUMBER_BITS:
        raise TemplateFailed(f"The template makes a number of more than {MAX_NUMBER_BITS:,} bits.")
    return value


def _measure(value: Any, left: int, depth: int) -> int:
    kind = type(value)
    if kind not in PLAIN:
        raise not_plain(value)
    left -= 8
    if kind is str:
        left -= len(value)
    elif kind is dict or kind is list or kind is tuple:
        if depth >= MAX_VALUE_DEPTH:
            raise TemplateFailed(f"The template holds a value nested deeper than {MAX_VALUE_DEPTH} levels.")
        for item in value.values() if kind is dict else value:
            left = _measure(item, left, depth + 1)
        if kind is dict:
            left -= sum(len(key) if type(key) is str else 8 for key in value)
    if left < 0:
        raise TemplateFailed(f"The template holds a value of more than {MAX_VALUE_SIZE:,} characters.")
    return left


def not_plain(value: Any) -> TemplateFailed:
    if isinstance(value, Unknown):
        return UnknownValue(value.path)
    return TemplateFailed(f"A template holds plain data only, not {type(value).__name__}.")
