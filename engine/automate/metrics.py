"""Metrics for Prometheus: what this process did, and how the outbox stands. No tenant and no id is a label.

On with `METRICS_EXPORT`. Each process tells its own: a worker at `METRICS.address`:`METRICS.port`, a web process at the
URL of `automate.urls`. Names: `automate_events_received_total`, `automate_runs_total{status}`,
`automate_run_duration_seconds`, `automate_step_duration_seconds{connector}`, `automate_outbox_pending`,
`automate_outbox_lag_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from automate import configuration, host

if TYPE_CHECKING:
    from automate.outbox.store import RunRow, StepRow

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FINAL = frozenset(("succeeded", "failed", "cancelled"))
_SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 86400)

registry = CollectorRegistry()
events_received = Counter("automate_events_received", "Events accepted by this process.", registry=registry)
runs = Counter("automate_runs", "Runs that ended in this process.", ["status"], registry=registry)
run_seconds = Histogram(
    "automate_run_duration_seconds", "From a run's start to its end.", buckets=_SECONDS, registry=registry
)
step_seconds = Histogram(
    "automate_step_duration_seconds", "One attempt of a step.", ["connector"], buckets=_SECONDS, registry=registry
)


class OutboxCollector(Collector):
    """How the outbox stands, asked of the database at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        standing = host.current().outbox().standing()
        yield GaugeMetricFamily("automate_outbox_pending", "Jobs that are due and wait.", value=standing.due)
        yield GaugeMetricFamily(
            "automate_outbox_lag_seconds", "How long the oldest due job has waited.", value=standing.lag_seconds
        )


registry.register(OutboxCollector())


def note_recorded(run_rows: Sequence[RunRow], step_rows: Sequence[StepRow]) -> None:
    """Count what a write has recorded. Costs nothing unless metrics are exported."""
    if not configuration.are_metrics_exported():
        return
    for run in run_rows:
        if run.status in _FINAL:
            runs.labels(run.status).inc()
            if run.started_at and run.ended_at:
                run_seconds.observe((run.ended_at - run.started_at).total_seconds())
    for step in step_rows:
        if step.ended_at is not None:
            step_seconds.labels(step.connector).observe((step.ended_at - step.started_at).total_seconds())


def note_event() -> None:
    if configuration.are_metrics_exported():
        events_received.inc()


def exposition() -> bytes:
    """Everything as Prometheus reads it."""
    return generate_latest(registry)
