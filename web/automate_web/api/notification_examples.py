"""Examples of notifications, what was chosen, and where they are posted."""

from __future__ import annotations

from typing import Any

_SHOWN = {
    "id": "42",
    "kind": "workflow_failed",
    "title": "Order flow fails at the step “charge”",
    "text": "502 from the shop",
    "path": "/failures/runs/?workflow=order-flow&fingerprint=5f2c",
    "count": 60,
    "is_read": False,
    "details": {"workflow": "order-flow", "code": "connector_error", "step": "charge"},
    "created_at": "2026-11-21T08:30:00Z",
    "latest_at": "2026-11-21T08:31:00Z",
}
_CHOSEN = {"kinds": {"workflow_failed": {"in_app": True, "email": True, "webhook": True}}}
_WEBHOOK = {
    "id": "019aa900-1c00-7d4e-9000-7a8b9c0d1e30",
    "url": "https://hooks.example.com/automate",
    "is_enabled": True,
    "disabled_because": "",
    "created_at": "2026-11-21T08:30:00Z",
}
_MADE = {**_WEBHOOK, "secret": "whsec_ (shown once)"}
_DELIVERY = {
    "id": "019aa900-1c00-7d4e-9000-7a8b9c0d1e31",
    "webhook_id": _WEBHOOK["id"],
    "notification_id": "42",
    "title": _SHOWN["title"],
    "status": "pending",
    "attempts": 1,
    "attempted_at": "2026-11-21T08:30:02Z",
    "next_at": "2026-11-21T08:30:07Z",
    "http_status": 503,
    "error": "It answered 503: busy",
    "took_ms": 41,
}


def notification_examples(page: Any) -> dict[str, dict[str, Any]]:
    """By operation id. `page` makes a list's envelope."""
    return {
        "notifications_list": {
            "answer": page("notifications", _SHOWN),
            "description": "Of the member who made the key: what their role may see and they did not switch off.",
        },
        "notifications_get": {"answer": _SHOWN},
        "notifications_save": {"body": {"is_read": True}, "answer": {**_SHOWN, "is_read": True}},
        "notification_reads_create": {"body": {"all": True}, "answer": {"read": 3}},
        "notification_preferences_get": {"answer": _CHOSEN},
        "notification_preferences_save": {
            "body": {"kinds": {"workflow_failed": {"email": False}}},
            "answer": {"kinds": {"workflow_failed": {"in_app": True, "email": False, "webhook": True}}},
        },
        "notification_webhooks_list": {"answer": page("notifications/webhooks", _WEBHOOK)},
        "notification_webhooks_get": {"answer": _WEBHOOK},
        "notification_webhooks_create": {"body": {"url": _WEBHOOK["url"]}, "answer": _MADE},
        "notification_webhooks_save": {
            "body": {"is_enabled": False},
            "answer": {**_WEBHOOK, "is_enabled": False, "disabled_because": "It was switched off."},
        },
        "notification_webhooks_delete": {"answer": {"id": _WEBHOOK["id"], "deleted": True}},
        "notification_webhook_rolls_create": {"answer": _MADE},
        "notification_webhook_tests_create": {
            "answer": {"is_ok": True, "status": 204, "error": "", "took_ms": 38},
        },
        "notification_deliveries_list": {"answer": page("notifications/deliveries", _DELIVERY)},
        "notification_redeliveries_create": {
            "answer": {**_DELIVERY, "attempts": 0, "error": "", "next_at": "2026-11-21T09:00:00Z"},
        },
    }
