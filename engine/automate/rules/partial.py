"""What a rule says when a part of its data is not known: true, false, or that it depends on what is not known."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from automate.rules.compiled import evaluate
from automate.rules.operators import READS
from automate.rules.reads import read_paths
from automate.rules.tree import arguments, is_read, operator_of, walk

Path = tuple[str, ...]


class DependsOnUnknown(Exception):
    """The answer depends on what stands at `path`."""

    def __init__(self, path: Path):
        super().__init__(".".join(path))
        self.path = ".".join(path)


def known_truth(rule: Any, context: dict[str, Any], unknown: Collection[Path]) -> bool:
    """Whether the rule holds, whatever stands at the paths in `unknown`; `context` has null there.

    Looks through `and`, `or` and `!`: one condition known to be false decides an `and`. Raises DependsOnUnknown, and
    RuleFailed where the evaluation itself makes no sense.

    >>> rule = {"and": [{"==": [{"var": "payload.n"}, 1]}, {"var": "steps.a.output.ok"}]}
    >>> known_truth(rule, {"payload": {"n": 2}}, [("steps", "a", "output")])
    False
    """
    needed = next(_needed(rule, unknown), None)
    if needed is None:
        return evaluate(rule, context)
    operator = operator_of(rule)
    if operator in ("and", "or"):
        decides = operator == "or"
        depends: DependsOnUnknown | None = None
        for _, part in arguments(rule):
            try:
                if known_truth(part, context, unknown) is decides:
                    return decides
            except DependsOnUnknown as error:
                depends = depends or error
        raise depends or DependsOnUnknown(needed)
    if operator in ("!", "!!") and len(arguments(rule)) == 1:
        truth = known_truth(arguments(rule)[0][1], context, unknown)
        return truth if operator == "!!" else not truth
    raise DependsOnUnknown(needed)


def _needed(rule: Any, unknown: Collection[Path]) -> Any:
    """The unknown paths that the rule reads, or may: a path that is worked out may be any."""
    for _path, keys in read_paths(rule):
        said = tuple(str(key) for key in keys)
        for path in unknown:
            shorter = min(len(said), len(path))
            if said[:shorter] == path[:shorter]:
                yield said if len(said) > len(path) else path
    for _pointer, node, _depth, _sees_other in walk(rule):
        if operator_of(node) in READS and not is_read(node):
            yield from unknown
