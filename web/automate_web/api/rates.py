"""The rate of an API key: exact in any sliding 60 seconds, across all processes. DRF's throttles are not atomic.

Counted once a request is known to be allowed; a key that may not do what it asks uses up nothing.
"""

from __future__ import annotations

from math import ceil

from django.db import connection

from automate.ingest.refusal import rate_headers
from automate.policy import limit_in_force
from automate_governance.errors import TooManyRequests
from automate_tenants.context import current_tenant

WINDOW_MS = 60_000


def admit(key_id: int, *, window_ms: int = WINDOW_MS) -> dict[str, str]:
    """Count one request of this key in the current workspace; the headers that say how its rate stands.

    No headers where nothing limits it. Raises TooManyRequests with the same headers and Retry-After.
    """
    limit = limit_in_force("api_rate")
    if limit is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_admitted, remaining, retry_ms FROM public.automate_admit_v1(%s, %s, %s, %s)",
            [current_tenant().id, f"key:{key_id}", limit.value, window_ms],
        )
        is_admitted, remaining, retry_ms = cursor.fetchone()
    wait = ceil(retry_ms / 1000)
    headers = rate_headers(limit=limit.value, window_seconds=window_ms / 1000, remaining=remaining, reset_seconds=wait)
    if is_admitted:
        return headers
    raise TooManyRequests(
        f"This key may make {limit.value:,} requests a minute. Repeat after {wait} s.",
        details={"limit": limit.value, "layer": limit.layer, "retry_after": wait},
        headers={**headers, "Retry-After": str(max(1, wait))},
    )
