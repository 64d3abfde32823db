"""Which operators a rule may use: those of JSONLogic, and a few for text. All depend on rule and context alone.

Sources: jsonlogic.com/operations.html for the classic set; for `val`, `exists`, `??`, `try` and `throw` the accepted
proposals and test suites of the JSONLogic community (github.com/json-logic/.github). Left out on purpose: `log` (a
console), `now` (a decision must be explainable later), and the dialect of the library underneath (tensors, `switch`,
...), which we do not promise.
"""

from __future__ import annotations

LAZY = frozenset({"and", "or", "if", "?:", "??", "try"})  # evaluate their arguments one by one, may leave some out
PER_ITEM = frozenset({"filter", "map", "reduce", "all", "some", "none"})  # their second argument sees one item only
BY_KEYS = frozenset({"val", "exists"})  # read a path given key by key, so that a key may hold a dot
READS = frozenset({"var", "missing", "missing_some"}) | BY_KEYS
PLAIN = frozenset({
    "==", "===", "!=", "!==", "<", "<=", ">", ">=", "!", "!!", "+", "-", "*", "/", "%", "max", "min",
    "merge", "in", "cat", "substr", "starts_with", "ends_with", "lower", "upper", "trim", "length", "throw",
})  # fmt: skip

OPERATORS = LAZY | PER_ITEM | READS | PLAIN
FAMILIES = ("ExtString", "ExtControl", "ErrorHandling")  # of the library; what else is in them is refused by name
