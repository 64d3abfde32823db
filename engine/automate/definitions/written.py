"""A definition written down: fields in their documented order, so that the same content is the same bytes everywhere.

Whatever order a document had, and whatever a database made of it, it is written in one way; so workflows live in git
and a file changes only where the workflow does.
"""

from __future__ import annotations

import json
from typing import Any

from automate.definitions.canonical import canonical

ORDER = ("slug", "name", "note", "trigger", "rule", "steps", "finally", "tests")
STEP_ORDER = (
    "id", "name", "note", "needs", "when", "foreach", "connector", "action", "params", "retry", "timeout_seconds",
    "idempotent", "sample_output", "on_error", "compensate",
)  # fmt: skip
TEST_ORDER = ("name", "event", "payload", "expected")
_FIRST = ("type",)  # of a trigger


def write(definition: dict[str, Any]) -> str:
    """The definition as the text of a JSON file, ending in a newline; keys without a documented place by alphabet.

    A draft may be unfinished: what is not of the expected form is written as it is.

    >>> print(write({"steps": [{"action": "log", "id": "a"}], "slug": "x"}), end="")
    {
      "slug": "x",
      "steps": [
        {
          "id": "a",
          "action": "log"
        }
      ]
    }
    """
    document = _ordered(canonical(definition), ORDER)
    document.pop("$schema", None)  # where an editor finds the schema is the file's own business
    if isinstance(document.get("trigger"), dict):
        document["trigger"] = _ordered(document["trigger"], _FIRST)
    for part in ("steps", "finally", "tests"):
        if isinstance(document.get(part), list):
            document[part] = [in_order(step) for step in document[part]]
    if isinstance(document.get("tests"), list):
        document["tests"] = [_ordered(one, TEST_ORDER) if isinstance(one, dict) else one for one in document["tests"]]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def in_order(step: Any) -> Any:
    """A step with its fields in their documented order, those of its handlers and its compensation too."""
    if not isinstance(step, dict):
        return step
    written = _ordered(step, STEP_ORDER)
    if isinstance(written.get("compensate"), dict):
        written["compensate"] = _ordered(written["compensate"], STEP_ORDER)
    handler = written.get("on_error")
    if isinstance(handler, dict) and isinstance(handler.get("steps"), list):
        written["on_error"] = _ordered({**handler, "steps": [in_order(one) for one in handler["steps"]]}, ("steps",))
    return written


def _ordered(document: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    known = {name: document[name] for name in order if name in document}
    return {**known, **{name: value for name, value in document.items() if name not in known}}
