"""Examples of connectors; see `examples`."""

from __future__ import annotations

from typing import Any

_REFERENCE = {"$secret": "EXAMPLE_TOKEN"}
_STEP = {"id": "get_issue", "connector": "github", "action": "get_issue", "params": {"token": {"$secret": "TOKEN"}}}
_CONNECTOR = {
    "code": "github",
    "name": "GitHub",
    "description": "Issues and workflows of repositories.",
    "actions": [
        {
            "code": "get_issue",
            "name": "Get an issue",
            "description": "Read one issue.",
            "effect": "read",
            "inputs": [{"name": "token", "is_required": True, "is_secret": True, "schema": {"type": "string"}}],
            "outputs": ["number", "title", "state"],
            "takes_other_inputs": False,
            "denied_by": None,
            "used_by": ["triage"],
            "step": _STEP,
        }
    ],
}


def connector_examples() -> dict[str, Any]:
    """By operation, as in `examples.EXAMPLES`."""
    return {
        "connectors_list": {
            "answer": {"results": [_CONNECTOR]},
            "description": "The HTTP connector first, then by name.",
        },
        "connectors_get": {"answer": _CONNECTOR},
        "connector_steps_create": {
            "body": {"curl": "curl https://api.example.com/orders -H 'Authorization: Bearer abc'"},
            "answer": {
                "step": {
                    "id": "request",
                    "connector": "http",
                    "action": "request",
                    "params": {
                        "method": "GET",
                        "url": "https://api.example.com/orders",
                        "auth": {"type": "bearer", "token": _REFERENCE},
                    },
                },
                "secrets": ["EXAMPLE_TOKEN"],
                "notes": [],
            },
            "description": "Nothing is sent and nothing is kept.",
        },
    }
