"""What a rule says to one event, for people: the verdict, the first failing condition in words, the masked tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from automate.rules.errors import RuleFailed
from automate.rules.explanation import explain
from automate.rules.masking import failed_node, masked, part_at, sensitive_values
from automate.rules.words import condition_in_words
from automate_governance.redaction import redact_text


@dataclass(frozen=True)
class Told:
    """`matches` is None when the rule cannot be evaluated; then `error` says why."""

    matches: bool | None
    error: str = ""
    failed_at: str = ""  # JSON pointer of the first failing condition; "" is the rule as a whole, or nothing failed
    condition: str = ""  # that condition in words, such as `payload.amount > 100`
    seen: list[Any] = field(default_factory=list)  # the values it was given
    tree: dict[str, Any] | None = None  # of `explain`; None without a rule


def tell(rule: Any, context: dict[str, Any]) -> Told:
    """The verdict on `context`, with what its payload holds under sensitive names masked. Never raises."""
    if rule is None:
        return Told(True)
    hidden = sensitive_values(context["payload"])
    try:
        tree = masked(explain(rule, context), rule, hidden)
    except RuleFailed as error:
        return Told(None, redact_text(error.message, hidden))
    failed = failed_node(tree)
    return Told(
        matches=None if "error" in tree and not tree["matched"] else tree["matched"],
        error=str(tree.get("error", "")),
        failed_at=tree["failed_at"] or "",
        condition=condition_in_words(part_at(rule, failed["pointer"])) if failed is not None else "",
        seen=list(failed.get("inputs", [])) if failed is not None else [],
        tree=tree,
    )
