"""Which operators a rule may use: those of JSONLogic, and a few for text. All depend on rule and context alone.

Source: jsonlogic.com/operations.html. Left out on purpose: `log` (a console), `now` (a decision must be explainable
later), and the dialect of the library underneath (`val`, `try`, tensors...), which we do not promise.
"""

from __future__ import annotations

LAZY = frozenset({"and", "or", "if", "?:"})  # evaluate their arguments one by one, and may leave some out
PER_ITEM = frozenset({"filter", "map", "reduce", "all", "some", "none"})  # their second argument sees one item only
READS = frozenset({"var", "missing", "missing_some", "exists"})
PLAIN = frozenset({
    "==", "===", "!=", "!==", "<", "<=", ">", ">=", "!", "!!", "+", "-", "*", "/", "%", "max", "min",
    "merge", "in", "cat", "substr", "starts_with", "ends_with", "lower", "upper", "trim", "length",
})  # fmt: skip

OPERATORS = LAZY | PER_ITEM | READS | PLAIN
FAMILIES = ("ExtString", "ExtControl")  # of the library; what else is in them is refused by name
