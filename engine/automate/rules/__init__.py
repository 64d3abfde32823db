"""Rules: JSONLogic over an event, and the reason why it did or did not match.

A rule is data, part of an immutable version. Unknown operators are refused, never skipped; what a rule may cost is
bounded; the same rule and context always give the same answer, so a decision can be explained long after it was made.
A rule sees `{"payload": <body>, "event": {"id", "type", "source", "received_at", "trace_id"}}`. No rule (null) matches
every event. An evaluation that makes no sense (`"abc" > 5`) is RuleFailed: not a match, and not a silent no.
"""

from datalogic_py import DataHandle

from automate.rules.compiled import CompiledRule, compile_rule, evaluate, first_failure, prepare
from automate.rules.errors import RuleFailed
from automate.rules.explanation import explain
from automate.rules.operators import OPERATORS
from automate.rules.problems import find_rule_problems
from automate.rules.reads import read_paths
from automate.rules.telling import Told, tell
from automate.rules.warnings import find_rule_warnings

__all__ = [
    "OPERATORS",
    "CompiledRule",
    "DataHandle",
    "RuleFailed",
    "Told",
    "compile_rule",
    "evaluate",
    "explain",
    "find_rule_problems",
    "find_rule_warnings",
    "first_failure",
    "prepare",
    "read_paths",
    "tell",
]
