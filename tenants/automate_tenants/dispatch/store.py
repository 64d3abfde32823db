"""The outbox store over all tenants: a claim is a batch of one tenant, found without visiting any other.

Leases live in a public table and are fenced there; the records go to the tenant's own schema, chosen for one
transaction at a time, so nothing is left set on a pooled connection.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import Cursor

from automate.outbox import sql
from automate.outbox.postgres import PostgresStore, job_from_row, statement
from automate.outbox.postgres_waits import lock_queues
from automate.outbox.store import Claim, Standing, Switches
from automate_tenants import roles
from automate_tenants.context import TenantRef, tenant_scope
from automate_tenants.key_store import key_store

STUCK_SECONDS = roles.IDLE_IN_TRANSACTION_SECONDS  # then the server undoes a write whose worker does not go on


class Scope(NamedTuple):
    """Whose claim it is."""

    tenant_id: int
    schema_name: str


class DispatchStore(PostgresStore):
    """See `automate.outbox.store.OutboxStore`; `Claim.scope` is a `Scope`."""

    def __init__(self) -> None:
        self._turn = 0

    def claim_batch(self, *, limit: int, worker: str, lease_seconds: float) -> Claim | None:
        while True:
            with statement() as cursor:
                cursor.execute(
                    "SELECT * FROM public.automate_claim_v2(%s::text, %s::int, %s::float8)",
                    [worker, limit, lease_seconds],
                    prepare=True,
                )
                head, *rows = cursor.fetchall()
            _, lease_id, tenant_id, schema_name, config_version, cleared, *_ = head
            if lease_id is not None:
                break
            if not cleared or not self._recheck(cleared):
                return None  # else a ring fell into that claim, and nobody else will ring for it
        jobs = tuple(
            job_from_row((job_id, kind, attempts, run_id, event_id, *event))
            for kind, _, _, _, _, _, job_id, attempts, run_id, event_id, *event in rows
        )
        return Claim(lease_id, Scope(tenant_id, schema_name), config_version, jobs, lease_seconds, tuple(cleared))

    def confirm(self, claim: Claim) -> bool:
        return bool(claim.unconfirmed) and self._recheck(claim.unconfirmed) > 0

    def data_key(self, claim: Claim) -> bytes:
        return key_store().data_key(_scope(claim).schema_name)

    def switches(self, lease_ids: Sequence[int]) -> Switches:
        with statement() as cursor:
            cursor.execute("SELECT * FROM public.automate_switches_v1(%s::bigint[])", [list(lease_ids)])
            (_, everything, _), *leases = cursor.fetchall()
        halted = frozenset(lease for lease, is_halted, _ in leases if is_halted)
        return Switches(everything, halted, {lease: version for lease, _, version in leases})

    def entered(self, scope: Hashable) -> AbstractContextManager[object]:
        tenant_id, schema_name = cast(Scope, scope)
        return tenant_scope(TenantRef(tenant_id, schema_name, slug=""))

    def release(self, claim: Claim) -> bool:
        with statement() as cursor:
            cursor.execute("SELECT public.automate_release_v1(%s::bigint)", [claim.lease_id])
            return bool(_one(cursor))

    def renew(self, lease_ids: Sequence[int], *, worker: str, lease_seconds: float) -> set[int]:
        with statement() as cursor:
            cursor.execute(
                "SELECT * FROM public.automate_renew_v1(%s::text, %s::bigint[], %s::float8)",
                [worker, list(lease_ids), lease_seconds],
            )
            return {row[0] for row in cursor.fetchall()}

    def tend(self, *, limit: int = 100) -> int:
        """Promote and reap each time; sweep for lost rings every fifth."""
        promoted, _ = self._promote()
        self._turn += 1
        return promoted + self._reap(limit) + (self._sweep(limit) if self._turn % 5 == 1 else 0)

    def next_due_seconds(self) -> float | None:
        """Seconds to the next due time; a time that has come is promoted at once."""
        promoted, seconds = self._promote()
        return 0.0 if promoted else seconds

    def standing(self) -> Standing:
        with statement() as cursor:
            cursor.execute("SELECT due, lag_seconds FROM public.automate_standing_v1(500)")
            return Standing(*cast("tuple[int, float]", cursor.fetchone()))

    # -- the hooks of PostgresStore ----------------------------------------------------------------------------------

    def _enter(self, cursor: Cursor[Any], claim: Claim) -> None:
        """And bound it: between two statements of a pipeline the server counts a worker that was stopped, or cut off,
        as active, so no idle timeout ends what it holds. PostgreSQL 17 and later; a limit of the role's own stays.
        """
        cursor.execute(
            "SELECT set_config('search_path', quote_ident(%s), true),"
            " CASE current_setting('transaction_timeout', true)"
            " WHEN '0' THEN set_config('transaction_timeout', %s::text, true) END",
            [_scope(claim).schema_name, f"{STUCK_SECONDS}s"],
            prepare=True,
        )

    def _hold(
        self, cursor: Cursor[Any], claim: Claim, run_ids: Collection[UUID] = (), queues_of: Collection[UUID] = ()
    ) -> None:
        """The lease itself says what is held; a run that begins in this write is nobody else's yet."""
        cursor.execute("SELECT public.automate_hold_v1(%s::bigint)", [claim.lease_id], prepare=True)
        lock_queues(cursor, queues_of)
        ids = claim.held - {job.id for job in claim.jobs if job.kind != "run"}
        if ids or run_ids:
            values = {"ids": list(ids), "run_ids": list(run_ids)}
            cursor.execute(sql.load("lock_jobs"), values, prepare=True)

    def _settle(self, cursor: Cursor[Any], claim: Claim, held: set[int], seconds: float) -> None:
        cursor.execute(
            "SELECT public.automate_settle_v1(%s::bigint, %s::bigint[], %s::float8)",
            [claim.lease_id, sorted(held), seconds],
            prepare=True,
        )

    def _promote(self) -> tuple[int, float | None]:
        """Tenants whose next due time has come are ready: how many, and seconds to the next one."""
        with statement() as cursor:
            cursor.execute("SELECT promoted, next_seconds FROM public.automate_promote_v1()")
            return cast("tuple[int, float | None]", cursor.fetchone())

    def _reap(self, limit: int) -> int:
        """Jobs taken back out of leases that ran out."""
        with statement() as cursor:
            cursor.execute("SELECT public.automate_reap_v2(%s::int)", [limit])
            return int(_one(cursor))

    def _sweep(self, limit: int) -> int:
        """Tenants with work whose ring was lost."""
        with statement() as cursor:
            cursor.execute("SELECT public.automate_sweep_v1(%s::int)", [limit])
            return int(_one(cursor))

    def _recheck(self, tenant_ids: Sequence[int]) -> int:
        """Whoever rang while the claim was open saw `ready` still set and wrote nothing: look once more.

        Returns how many tenants have more to do after all.
        """
        with statement() as cursor:
            cursor.execute("SELECT public.automate_recheck_v1(%s::bigint[])", [list(tenant_ids)], prepare=True)
            return int(_one(cursor))


def _scope(claim: Claim) -> Scope:
    return cast(Scope, claim.scope)


def _one(cursor: Cursor[Any]) -> Any:
    row = cursor.fetchone()
    return row[0] if row is not None else None
