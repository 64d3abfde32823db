"""Calling a connector through its doors, as the engine would."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

from automate_connectors.adapters.base import ConnectorAdapter

KEY = "5d41402abc4b2a76b9719d911017c592"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone.utc)


class FixedClock:
    def now(self) -> datetime:
        return NOW


def context_of(stand_in: Any, **changes: Any) -> dict[str, Any]:
    return {
        "egress": getattr(stand_in, "policy", None),
        "idempotency_key": KEY,
        "attempt": 1,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "timeout_seconds": 20.0,
        "secrets": {},
    } | changes


def through(door: str, adapter: ConnectorAdapter, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
    """`door`: execute or aexecute."""
    if door == "execute":
        return adapter.execute(action, params, context)
    return asyncio.run(adapter.aexecute(action, params, context))  # type: ignore[attr-defined]
