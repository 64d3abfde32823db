"""What the hosted product's dispatch of workspaces does by the clock, done now. A plain project has none of it."""

from __future__ import annotations

from typing import Any

from django.db import connection


def ring(ref: Any) -> None:
    """The workspace's due times have moved."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[ref.id]])


def end_leases() -> None:
    """Every lease has run out, and what it held is taken back."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE public.automate_tenants_dispatchlease SET lease_until = now() - interval '1 s'")
        cursor.execute("SELECT public.automate_reap_v2(100)")
