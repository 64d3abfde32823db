"""Tests of connections, as members and keys ask for them: so many a minute, since each sends a request out."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from django.db import connection
from django.utils import timezone

from automate.services import connection_tests
from automate.services.connection_tests import Outcome
from automate_governance.errors import TooManyRequests
from automate_tenants.context import current_tenant

PER_MINUTE, WINDOW_MS = 20, 60_000


def test_connection(*, connector: str, params: Mapping[str, Any], actor: str) -> Outcome:
    """See `connection_tests.test_connection`. Raises TooManyRequests too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_admitted, retry_ms FROM public.automate_admit_v1(%s, %s, %s, %s)",
            [current_tenant().id, "connection-tests", PER_MINUTE, WINDOW_MS],
        )
        is_admitted, retry_ms = cursor.fetchone()
    if not is_admitted:
        wait = max(1, ceil(retry_ms / 1000))
        raise TooManyRequests(
            f"A workspace tests {PER_MINUTE} connections a minute. Repeat after {wait} s.",
            details={"limit": PER_MINUTE, "retry_after": wait},
            headers={"Retry-After": str(wait)},
        )
    return connection_tests.test_connection(connector=connector, params=params, actor=actor, now=timezone.now())
