"""Step ids with hyphens after a dot: `steps.reserve-stock.output`.

Jinja2 reads a subtraction there. It would never make sense, as `steps.reserve` is no number, so the hyphens that follow
the step's name without a space belong to it: the path is read as `steps["reserve-stock"].output`.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment

_NAME_PARTS = frozenset({"name", "integer", "float"})
Token = tuple[str, str]  # (type, text)


def with_keys(source: str, environment: Environment) -> str:
    """`source` with the ids of steps that have a hyphen written as keys. Raises TemplateSyntaxError.

    >>> with_keys("{{ steps.a-1.output }} a-1, {{ steps.a.output-1 }}", Environment())
    '{{ steps["a-1"].output }} a-1, {{ steps.a.output-1 }}'
    """
    if "steps." not in source or "-" not in source:
        return source
    tokens = [(kind, text) for _line, kind, text in environment.lexer.tokeniter(source, None)]
    return "".join(_written(tokens))


def _written(tokens: list[Token]) -> Iterator[str]:
    place = 0
    while place < len(tokens):
        yield tokens[place][1]
        place += 1
        if _is_steps(tokens, place - 1) and tokens[place : place + 1] == [("operator", ".")]:
            end = _end_of_name(tokens, place + 1)
            name = "".join(text for _kind, text in tokens[place + 1 : end])
            if "-" in name:
                yield f'["{name}"]'
                place = end


def _is_steps(tokens: list[Token], place: int) -> bool:
    """Whether the name `steps` itself stands there, not another value's key."""
    return tokens[place] == ("name", "steps") and tokens[place - 1 : place] != [("operator", ".")]


def _end_of_name(tokens: list[Token], start: int) -> int:
    """Past the names and numbers that hyphens join, from `start` on."""
    end = place = start
    while place < len(tokens) and (tokens[place][0] in _NAME_PARTS or tokens[place] == ("operator", "-")):
        if tokens[place][0] in _NAME_PARTS:
            end = place + 1
        elif place == start:
            break
        place += 1
    return end
