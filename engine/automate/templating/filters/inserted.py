"""What the compiler puts into a template, to count and bound; their names cannot be written in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.templating.errors import TemplateFailed
from automate.templating.filters.arguments import list_of
from automate.templating.filters.registry import FILTERS, refuse_missing
from automate.templating.limits import budget, check_text, check_value
from automate.templating.values import as_text


def counted(value: Any) -> Iterator[Any]:
    """The iterable of a loop: each turn is a tick."""
    refuse_missing((value,))
    items = list_of(value)
    spend = budget.get()
    for item in items:
        spend.tick()
        yield item


def concatenated(first: Any, *others: Any) -> str:
    """`a ~ b`, refused before it is too long."""
    texts, total = [], 0
    for value in (first, *others):
        texts.append(as_text(value))
        total += len(texts[-1])
        check_text(total)
    budget.get().tick()
    budget.get().make(total)
    return "".join(texts)


def measured(value: Any) -> Any:
    """A list or object written in a template: a value repeated inside itself again and again is counted in full."""
    budget.get().tick()
    refuse_missing(value.values() if type(value) is dict else value)
    if type(value) is dict and not all(type(key) is str for key in value):
        raise TemplateFailed("The keys of an object are texts.")
    check_value(value)
    return list(value) if type(value) is tuple else value


def compared(outcome: Any) -> Any:
    """The outcome of a comparison: of two large values it takes a while, so the clock is looked at."""
    budget.get().tick()
    return outcome


FILTERS.update({" for": counted, " ~": concatenated, " value": measured, " compared": compared})
