"""Examples of API keys, and of following events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEY = {
    "id": "12",
    "name": "shop backend",
    "prefix": "am_live_3k9f",
    "last4": "q7Zx",
    "is_test": False,
    "scopes": ["events:write", "runs:read"],
    "created_by": "user:1",
    "created_at": "2026-11-21T08:30:00Z",
    "latest_used_at": "2026-11-21T08:31:00Z",
    "latest_used_ip": "203.0.113.9",
    "is_unused": False,
    "expires_at": None,
    "revoked_at": None,
}
_MADE = {**_KEY, "latest_used_at": None, "latest_used_ip": None, "api_key": "am_live_3k9f (shown once, 46 characters)"}


def key_examples(event: Mapping[str, Any], page: Any) -> dict[str, dict[str, Any]]:
    """By operation id. `event` is the document's usual one; `page` makes a list's envelope."""
    fed = {**event, "payload": {"id": 7, "total": 120}, "headers": {"content-type": "application/json"}}
    workspace = {"slug": "acme", "name": "Acme Ltd", "url": "https://app.example.com/enter/acme/"}
    return {
        "key_get": {
            "answer": {**_KEY, "workspace": workspace},
            "description": "Every key may ask this, whatever its scopes.",
        },
        "keys_list": {"answer": page("keys", _KEY)},
        "keys_get": {"answer": _KEY},
        "keys_create": {
            "body": {"name": "shop backend", "scopes": ["events:write", "runs:read"], "expires_in_days": 365},
            "answer": _MADE,
            "description": "A key gives only scopes that it has itself. The text is shown once.",
        },
        "key_rolls_create": {
            "body": {"overlap_seconds": 86400},
            "answer": _MADE,
            "description": "The old key works on for the overlap: 0, 3600, 86400 or 604800 seconds. The caller's own "
            "key can be rolled, too; it must hold every scope of the key.",
        },
        "key_revocations_create": {"answer": {**_KEY, "revoked_at": "2026-11-22T08:30:00Z"}},
        "events_feed": {
            "answer": {"results": [fed], "cursor": "ODEyLjAuMDE5YWE5MDAxYzAw", "has_more": False},
            "description": "Each event once, in the order in which they were committed, and none left out: send the "
            "`cursor` of each answer next time, also after days. An event whose storing took over five minutes is not "
            "in it. `type` and `source` may not change along one feed.",
        },
        "event_stream_tokens_create": {
            "answer": {"url": "https://app.example.com/live/?token=WzcsInRf.3q2-7w", "renew_after_seconds": 240},
            "description": "The stream says `event: ready` when it has begun and `event: change` within a second of a "
            "change; then read the feed. It ends after five minutes. It carries no data, so nothing is lost with it.",
        },
    }
