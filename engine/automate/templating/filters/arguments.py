"""What filters take: lists, numbers, paths into items; anything else is refused in words."""

from __future__ import annotations

from typing import Any

from automate.templating.errors import TemplateFailed
from automate.templating.filters.registry import refuse_missing
from automate.templating.limits import check_text
from automate.templating.values import part


def list_of(value: Any) -> list[Any]:
    if type(value) in (list, tuple):
        return list(value)
    if type(value) is dict or type(value) is str:
        check_text(len(value))
        return list(value)
    raise TemplateFailed(f"A list is needed, not {kind_of(value)}.")


def number_of(value: Any) -> int | float:
    if type(value) in (int, float):
        return value  # type: ignore[no-any-return]
    raise TemplateFailed(f"A number is needed, not {kind_of(value)}.")


def kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", tuple: "a list", str: "a text", bool: "a yes/no", type(None): "null"}
    return names.get(type(value), "a number")


def along(item: Any, path: str | None) -> Any:
    if path is None:
        return item
    for key in str(path).split("."):
        item = part(item, int(key) if key.isdigit() and type(item) is not dict else key)
    refuse_missing((item,))
    return item
