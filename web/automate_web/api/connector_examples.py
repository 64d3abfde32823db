"""Examples of connectors; see `examples`."""

from __future__ import annotations

from typing import Any

_REFERENCE = {"$secret": "EXAMPLE_TOKEN"}
_STEP = {"id": "get_issue", "connector": "github", "action": "get_issue", "params": {"token": {"$secret": "TOKEN"}}}
_CONNECTOR = {
    "code": "github",
    "name": "GitHub",
    "description": "Issues and workflows of repositories.",
    "connection": [{"name": "token", "is_required": True, "is_secret": True, "schema": {"type": "string"}}],
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

_API = {
    "slug": "shop",
    "name": "Shop",
    "title": "Shop API",
    "version": "1.4",
    "server": "https://api.shop.example.com/v1",
    "operation_count": 1,
    "created_at": "2026-11-21T08:30:00Z",
    "created_by": "user:7",
}
_OPERATION = {
    "code": "get_order",
    "name": "Get an order",
    "description": "",
    "method": "GET",
    "path": "/orders/{id}",
    "tags": ["orders"],
    "step": {
        "id": "get_order",
        "connector": "http",
        "action": "request",
        "params": {
            "method": "GET",
            "url": "https://api.shop.example.com/v1/orders/{{ payload.id }}",
            "auth": {"type": "bearer", "token": {"$secret": "SHOP_TOKEN"}},
        },
    },
    "secrets": ["SHOP_TOKEN"],
    "notes": [],
}


def connector_examples() -> dict[str, Any]:
    """By operation, as in `examples.EXAMPLES`."""
    return {
        "connectors_list": {
            "answer": {"results": [_CONNECTOR]},
            "description": "The HTTP connector first, then by name.",
        },
        "connectors_get": {"answer": _CONNECTOR},
        "connector_apis_list": {"answer": {"results": [_API]}},
        "connector_apis_create": {
            "body": {"document": "openapi: 3.1.0\n…", "name": "Shop"},
            "answer": {**_API, "operations": [_OPERATION]},
            "description": "Each operation becomes a step of the HTTP connector. The document is not kept.",
        },
        "connector_apis_get": {"answer": {**_API, "operations": [_OPERATION]}},
        "connector_apis_delete": {"answer": {"slug": "shop", "deleted": True}},
        "connector_tests_create": {
            "body": {"connector": "http", "params": {"url": "https://api.example.com/status", "secret": _REFERENCE}},
            "answer": {
                "is_ok": False,
                "code": "http_401",
                "message": "The server answered 401.",
                "next": "The other side is there and refuses the credentials: check the secret, and what it is "
                "allowed to do.",
                "took_ms": 84,
            },
            "description": "One request that changes nothing on the other side, as a step would send it: under the "
            "same policy, with stored secrets alone. At most 20 a minute in a workspace.",
        },
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
