"""The named points at which a process of the product is made to end, to stop or to wait: before or after a function.

A function that is renamed makes its point fail to arm, in the process itself and in a test of this table. `when` looks
at what the function gave back: a sweep that found nothing is not the moment that is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

Predicate = Callable[[Any], Any]


@dataclass(frozen=True)
class Point:
    """`function` is `module:qualified.name`; `moment` says in a few words what has happened by then."""

    process: str
    function: str
    side: str  # "before" or "after"
    moment: str
    when: Predicate | None = None  # of the result; only after

    @property
    def module(self) -> str:
        return self.function.partition(":")[0]

    @property
    def path(self) -> list[str]:
        return self.function.partition(":")[2].split(".")


_LANE = "automate_web.gateway.lane:Lane._accept"
_RING = "automate_web.gateway.bell:Bell._run"
_STORE = "automate_tenants.dispatch.store:DispatchStore"
_WRITE = "automate.outbox.postgres:PostgresStore.write"
_HTTP = "automate_connectors.http.connector:HttpAdapter.aexecute"
_MIGRATION = "automate_tenants.migrations_runner"
_OPENING = "automate_tenants.onboarding"

POINTS = {
    "accept.before": Point("gateway", _LANE, "before", "events in hand, none stored"),
    "accept.after": Point("gateway", _LANE, "after", "events stored, nobody answered"),
    "ring.before": Point("gateway", _RING, "before", "events stored and answered, nobody told"),
    "ring.after": Point("gateway", _RING, "after", "workers told"),
    "claim.before": Point("worker", f"{_STORE}.claim_batch", "before", "about to ask for work"),
    "claim.after": Point("worker", f"{_STORE}.claim_batch", "after", "a batch leased, nothing begun", bool),
    "recheck.before": Point("worker", f"{_STORE}._recheck", "before", "`ready` taken away, not looked at again"),
    "match.after": Point("worker", "automate.execution.batch:Batch._begin", "after", "matched, nothing written"),
    "step.before": Point("worker", _HTTP, "before", "about to call the receiver"),
    "step.after": Point("worker", _HTTP, "after", "the receiver has answered, nothing recorded"),
    "finish.before": Point("worker", _WRITE, "before", "results in hand, no transaction"),
    "finish.held": Point("worker", f"{_STORE}._hold", "after", "in the transaction, the lease locked"),
    "finish.settled": Point("worker", f"{_STORE}._settle", "after", "in the transaction, all said but its commit"),
    "finish.after": Point("worker", _WRITE, "after", "results committed", bool),
    "renew.before": Point("worker", f"{_STORE}.renew", "before", "a lease at a third of its time"),
    "renew.after": Point("worker", f"{_STORE}.renew", "after", "a lease renewed", bool),
    "promote.after": Point("worker", f"{_STORE}._promote", "after", "what waited is due", itemgetter(0)),
    "reap.before": Point("worker", f"{_STORE}._reap", "before", "about to take back what a dead worker held"),
    "reap.after": Point("worker", f"{_STORE}._reap", "after", "jobs of a dead worker taken back", bool),
    "sweep.after": Point("worker", f"{_STORE}._sweep", "after", "a lost ring found", bool),
    "provision.after": Point("tenants", "automate_tenants.provisioning:provision", "after", "a schema not committed"),
    "furnish.after": Point("tenants", f"{_OPENING}:_furnish", "after", "a whole workspace not committed"),
    "migrate.before": Point("migrate", f"{_MIGRATION}:_apply", "before", "a workspace claimed and named as running"),
    "migrate.after": Point("migrate", f"{_MIGRATION}:_apply", "after", "a workspace migrated, not noted"),
}
