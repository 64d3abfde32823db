"""Examples of versions, comparisons, rollbacks and imports; see `examples`."""

from __future__ import annotations

from typing import Any

_RULE_CHANGE = {"kind": "changed", "path": "/rule/>/1", "before": 100, "after": 250}
_CHANGES = {
    "trigger": [],
    "rule": [_RULE_CHANGE],
    "steps": [
        {
            "id": "note",
            "kind": "changed",
            "path_before": "/steps/0",
            "path": "/steps/0",
            "changes": [
                {
                    "kind": "changed",
                    "path": "/steps/0/params/message",
                    "before": "Order {{ payload.id }}",
                    "after": "Large order {{ payload.id }}",
                }
            ],
        }
    ],
    "options": [{"kind": "added", "path": "/deadline_seconds", "before": None, "after": 3600}],
}


def version_examples(version: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    """By operation, as in `examples.EXAMPLES`."""
    return {
        "workflow_versions_get": {"answer": version, "description": "By number, or `live` for the one that runs."},
        "workflow_versions_export": {
            "answer": definition,
            "description": "The file that an import takes: fields in their documented order, the same bytes for the "
            "same version.",
        },
        "workflow_versions_diff": {
            "answer": {"from": 2, "to": 3, **_CHANGES},
            "description": "Part by part. Steps are known by their id, so moving one is not removing another.",
        },
        "workflow_rollbacks_create": {
            "body": {"version_num": 2, "expected_version_num": 3, "note": "3 sends every order twice"},
            "answer": {**version, "version_num": 4, "note": "3 sends every order twice"},
            "description": "Makes what an earlier version said live again, as a new version: the history stays what "
            "happened, and runs in flight keep theirs. The draft follows, unless it holds changes that were never "
            "published. Refused (409) when another version runs by now than the one you saw.",
        },
        "workflow_imports_create": {
            "body": {"definitions": [definition], "dry_run": True},
            "answer": {
                "results": [
                    {"slug": "order-flow", "outcome": "updated", "version_num": 4, "state": "6.3", "changes": _CHANGES}
                ],
                "dry_run": True,
            },
            "description": "All or none. A definition that says what is there already changes nothing, so the same "
            "import may run on every deploy. Look first with `dry_run`, then send each `state` as `expected`.",
        },
    }
