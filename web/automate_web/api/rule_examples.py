"""Examples of rules asked and of test cases; see `examples`."""

from __future__ import annotations

from typing import Any

_SMALL = {
    "number": 1,
    "name": "a small order",
    "event": {},
    "payload": {"total": 99},
    "expected": False,
    "matches": False,
    "passed": True,
    "message": "Expected no match, got none.",
}
_LARGE = {
    "number": 2,
    "name": "a large order",
    "event": {"source": "webhook:shop"},
    "payload": {"total": 90},
    "expected": True,
    "matches": False,
    "passed": False,
    "message": "Expected a match, got none: payload.total > 100 was not met; it saw 90, 100.",
}


def rule_examples() -> dict[str, Any]:
    """By operation, as in `examples.EXAMPLES`."""
    return {
        "workflow_rule_evaluations_create": {
            "body": {"workflow": "order-flow", "payload": {"total": 99}},
            "answer": {
                "matches": False,
                "error": "",
                "failed_at": "",
                "condition": "payload.total > 100",
                "seen": [99, 100],
                "explain": {
                    "pointer": "",
                    "operator": ">",
                    "evaluated": True,
                    "result": False,
                    "inputs": [99, 100],
                    "matched": False,
                    "failed_at": "",
                    "failed": True,
                },
                "event": {"id": None, "type": "order.created", "source": "emit_event"},
                "is_as_shown": False,
            },
            "description": "Nothing is stored. Values that an event hides stay masked, and what the rule makes of them "
            "too. A past event also needs the scope `events:read`; a rule of your own reads it with its masks.",
        },
        "workflow_rule_tests_list": {
            "answer": {"draft_revision": 3, "version_num": None, "results": [_SMALL, _LARGE]},
            "description": "Publishing is refused while one does not pass.",
        },
        "workflow_rule_tests_create": {
            "body": {"name": "a large order", "payload": {"total": 90}, "expected": True},
            "answer": {"draft_revision": 4, "version_num": None, "results": [_SMALL, _LARGE]},
            "description": "It is kept whether it passes or not; publishing asks. A past event needs `events:read`.",
        },
        "workflow_rule_tests_delete": {
            "answer": {"draft_revision": 5, "version_num": None, "results": [_SMALL]},
            "description": "By its number. What is published keeps it until the next publish.",
        },
    }
