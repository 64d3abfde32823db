"""Webhook rates for tests: set below the policy, with a window short enough to see it pass."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from tests.web.gateway.conftest import Sender, token_hash

WORKSPACE = UUID(int=0)


def set_limit(
    connection: psycopg.Connection[Any],
    sender: Sender,
    *,
    per_window: int,
    window_ms: int = 60_000,
    is_held: bool = False,
    endpoint_id: UUID = WORKSPACE,
) -> None:
    """The row that `apply_webhook_limits` would write."""
    connection.execute(
        """INSERT INTO public.automate_tenants_webhooklimit
             (tenant_id, endpoint_id, per_window, window_ms, is_held, layer) VALUES (%s, %s, %s, %s, %s, 'tenant')
           ON CONFLICT (tenant_id, endpoint_id) DO UPDATE
              SET (per_window, window_ms, is_held) = (excluded.per_window, excluded.window_ms, excluded.is_held)""",
        [sender.workspace.ref.id, endpoint_id, per_window, window_ms, is_held],
    )


def endpoint_of(connection: psycopg.Connection[Any], sender: Sender) -> UUID:
    """The endpoint that the sender posts to."""
    query = "SELECT endpoint_id FROM public.automate_tenants_webhookroute WHERE token_hash = %s"
    (found,) = connection.execute(query, [token_hash(sender.path)]).fetchone() or (None,)
    assert isinstance(found, UUID)
    return found


def most_in_a_window(times_ms: list[float], window_ms: float) -> int:
    """The most admissions that any window, half open, holds."""
    times, most, first = sorted(times_ms), 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most
