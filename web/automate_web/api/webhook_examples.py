"""Examples of webhook endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ID = "019aa901-7700-7b22-8000-5f6e7d8c9b0a"
_WEBHOOK: dict[str, Any] = {
    "id": _ID,
    "slug": "shop",
    "url": "https://app.example.com/hooks/3n8Vq0Zk2mXw7bTfR5yHc1LdJ9sPgA4e",
    "auth": "standard_webhooks",
    "auth_options": None,
    "event_type": "order.created",
    "type_path": "",
    "dedupe_path": "order.id",
    "is_paused": False,
    "has_secret": True,
    "previous_secret_until": None,
    "created_at": "2026-11-21T08:30:00Z",
    "deleted_at": None,
    "workflows": [],
}
_SECRET = "whsec_ (shown once)"  # noqa: S105
_HMAC = {
    "header": "X-Signature",
    "algorithm": "sha256",
    "encoding": "hex",
    "prefix": "sha256=",
    "timestamp_header": "X-Timestamp",
    "tolerance_seconds": 300,
    "signed": "{timestamp}.{body}",
    "id_header": "",
}


def webhook_examples(trace_id: str, event_id: str, run_id: str, page: Any) -> dict[str, dict[str, Any]]:
    """By operation id. `page` makes a list's envelope."""
    rejected: Mapping[str, Any] = {
        "verdict": "rejected",
        "received_at": "2026-11-21T08:30:00Z",
        "trace_id": trace_id,
        "code": "invalid_signature",
        "why": "No signature matches. Check the secret, and sign the exact bytes that are sent.",
        "event_id": None,
        "ip": "203.0.113.9",
        "headers": {"content-type": "application/json", "webhook-id": "msg_1"},
        "body": '{"order": {"id": 7}}',
    }
    sent = {
        "request": {
            "url": _WEBHOOK["url"],
            "headers": {"Content-Type": "application/json", "webhook-id": "test_1", "webhook-timestamp": "1790000000"},
            "body": '{"order": {"id": 7}}',
        },
        "answer": {"status": 202, "body": {"event_id": event_id, "trace_id": trace_id}, "milliseconds": 12},
        "event_id": event_id,
        "run_ids": [run_id],
    }
    return {
        "webhooks_delete": {
            "answer": {"id": _ID, "deleted": True},
            "description": "Refused with `endpoint_in_use` while the published version of a workflow is started by it. "
            "Its URL answers 404 within 5 seconds, its secrets are destroyed, its slug is free again. Its events stay; "
            "its own page, requests and traffic can be read on.",
        },
        "webhooks_list": {"answer": page("webhooks", _WEBHOOK)},
        "webhooks_get": {"answer": _WEBHOOK},
        "webhooks_create": {
            "body": {"slug": "shop", "auth": "standard_webhooks", "event_type": "order.created"},
            "answer": {**_WEBHOOK, "dedupe_path": "", "secret": _SECRET},
            "description": "A secret that is made here is in this answer and nowhere else.",
        },
        "webhooks_change": {
            "body": {"auth": "hmac", "auth_options": _HMAC},
            "answer": {**_WEBHOOK, "auth": "hmac", "auth_options": _HMAC, "secret": "5f1d… (shown once)"},
            "description": "`is_paused: true` holds what comes; `false` lets it run, in order, each once.",
        },
        "webhook_secrets_create": {
            "body": {"overlap_seconds": 86400},
            "answer": {**_WEBHOOK, "previous_secret_until": "2026-11-22T08:30:00Z", "secret": _SECRET},
            "description": "Both secrets are good for the overlap: 0, 3600, 86400 or 604800 seconds. Gateways follow "
            "within 5 seconds; a roll during a roll ends the oldest at once.",
        },
        "webhook_secrets_end_overlap": {"answer": _WEBHOOK, "description": "Only the newest is good from then on."},
        "webhook_tests_create": {
            "body": {"payload": {"order": {"id": 7}}},
            "answer": sent,
            "description": "Signed with the endpoint's own secret and posted to the gateway; one that demands an "
            "API key is shown yours. It is a real event: workflows run. A refusal is an answer, too.",
        },
        "webhook_requests_list": {
            "answer": page(f"webhooks/{_ID}/requests", rejected),
            "description": "Newest first, secrets masked. Accepted ones are events; of others the newest 100 are kept.",
        },
        "webhook_traffic_get": {
            "answer": {
                "accepted": 1204,
                "duplicates": 3,
                "rejected": 2,
                "rejected_by_code": [{"code": "invalid_signature", "count": 2}],
                "held": 0,
                "latest_received_at": "2026-11-21T08:30:00Z",
            }
        },
    }
