"""A rule's explanation as a list of conditions in words, each with its outcome and the values it saw.

Only what combines conditions (`and`, `or`, `!`, `if`, the per-item operators) is opened; a comparison is one line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from automate.rules.masking import part_at
from automate.rules.words import condition_in_words
from automate.services.why import Why

WORDS = {
    "and": "All of these",
    "or": "At least one of these",
    "!": "Not",
    "!!": "Is truthy",
    "if": "If, then, else",
    "?:": "If, then, else",
    "??": "The first that is not null",
    "try": "The first that works",
    "some": "For some item",
    "all": "For every item",
    "none": "For no item",
}
OPENED_DEPTH = 12
SEEN_CHARACTERS = 120


@dataclass(frozen=True)
class Condition:
    """One line of the tree. `state` is met, unmet, skipped or error."""

    words: str
    state: str
    is_first_failure: bool
    seen: list[tuple[str, str]] = field(default_factory=list)  # what was read, and its value as JSON
    error: str = ""
    children: list[Condition] = field(default_factory=list)


def conditions(why: Why) -> Condition | None:
    """The tree of one decision; None when no rule was asked."""
    if why.tree is None or why.version is None:
        return None
    return condition_tree(why.tree, why.version.rule)


def condition_tree(tree: dict[str, Any], rule: Any) -> Condition:
    """The tree of an explanation of `rule`."""
    return _condition(tree, rule, 0)


def _condition(node: dict[str, Any], rule: Any, depth: int) -> Condition:
    operator = node.get("operator") or ""
    is_opened = operator in WORDS and depth < OPENED_DEPTH
    children = []
    if is_opened:
        below = [*node.get("children", []), *(item["condition"] for item in node.get("items", []))]
        children = [_condition(child, rule, depth + 1) for child in below if child.get("operator") is not None]
    return Condition(
        words=WORDS[operator] if is_opened and children else condition_in_words(part_at(rule, node["pointer"])),
        state=_state(node),
        is_first_failure=bool(node.get("failed")),
        seen=[] if children else _seen(node),
        error=str(node.get("error", "")),
        children=children,
    )


def _state(node: dict[str, Any]) -> str:
    if not node.get("evaluated"):
        return "skipped"
    if "error" in node:
        return "error"
    return "met" if node.get("result") not in (None, False, 0, "", [], {}) else "unmet"


def _seen(node: dict[str, Any]) -> list[tuple[str, str]]:
    """Each `var` and `val` below this condition with the value it gave, once."""
    found: dict[str, str] = {}
    waiting = [node]
    while waiting:
        here = waiting.pop(0)
        if here.get("operator") in {"var", "val"}:
            found.setdefault(str(here.get("reads", "")), _short(json.dumps(here.get("result"), ensure_ascii=False)))
            continue
        waiting.extend(here.get("children", []))
    return list(found.items())


def _short(text: str) -> str:
    return text if len(text) <= SEEN_CHARACTERS else f"{text[:SEEN_CHARACTERS]}…"
