"""A backtest over 100,000 events: events per second, and the most memory the process held.

usage: python -m loadtests.backtest [--events 100000] [--matching 10]

Runs in this process with the engine alone, on SQLite in a temporary folder. Of the events, `--matching` in a hundred
start a workflow of three steps and have a recorded run; the draft that is tried changes the rule and one request. The
same backtest over a tenth of the events comes first: memory must not grow with the span.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.core.management import call_command

if TYPE_CHECKING:
    from automate.dryrun import Backtest

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 2_000


def workflow(limit: int, *, factor: int = 1) -> dict[str, Any]:
    """Orders above `limit` are charged and told of."""
    charge = {"method": "POST", "url": "https://api.example.com/charges", "json": "{{ payload.amount * FACTOR }}"}
    charge["json"] = charge["json"].replace("FACTOR", str(factor))
    return {
        "slug": "orders",
        "name": "Orders",
        "trigger": {"type": "event", "event_type": "order.created"},
        "rule": {">": [{"var": "payload.amount"}, limit]},
        "steps": [
            {"id": "charge", "connector": "http", "action": "request", "params": charge},
            {
                "id": "big",
                "connector": "core",
                "action": "transform",
                "params": {"value": "{{ steps.charge.output.body.id }}"},
                "when": {">": [{"var": "payload.amount"}, 990]},
            },
            {"id": "note", "connector": "core", "action": "log", "params": {"message": "{{ payload.amount }}"}},
        ],
    }


def prepare(folder: Path) -> None:
    """An empty database of the engine alone."""
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "automate_governance", "automate"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}},
        SECRET_KEY="loadtest",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def fill(events: int, matching: int) -> Any:
    """`events` events, one a second, and what became of them; returns the published version."""
    from automate import ids
    from automate.execution.sealing import seal_output
    from automate.host import current
    from automate.models import Event, ExecutionRun, MatchDecision, StepRun
    from automate.services import create_workflow, publish_version

    made = create_workflow(definition=workflow(1000 - 10 * matching), actor="system", now=SINCE)
    version = publish_version(workflow_id=made.pk, expected_revision=1, actor="system", now=SINCE)
    key = current().data_key()
    for start in range(0, events, CHUNK):
        rows: dict[Any, list[Any]] = {Event: [], MatchDecision: [], ExecutionRun: [], StepRun: []}
        for number in range(start, min(start + CHUNK, events)):
            at = SINCE + timedelta(seconds=number)
            amount, event_id, trace = number * 7 % 1000, ids.first_id_at(at), ids.new_id()
            common = {"trace_id": trace}
            rows[Event].append(
                Event(
                    id=event_id, type="order.created", payload={"amount": amount}, source="x", received_at=at, **common
                )
            )
            is_match = amount > 1000 - 10 * matching
            run_id = ids.run_id(event_id, made.pk) if is_match else None
            rows[MatchDecision].append(
                MatchDecision(
                    event_id=event_id,
                    workflow_id=made.pk,
                    version_id=version.pk,
                    run_id=run_id,
                    decision="started" if is_match else "no_match",
                    reason="rule_true" if is_match else "rule_false",
                    decided_at=at,
                    **common,
                )
            )
            if run_id is None:
                continue
            run = {"event_id": event_id, "workflow_id": made.pk, "version": version, "status": "succeeded"}
            rows[ExecutionRun].append(ExecutionRun(id=run_id, created_at=at, ended_at=at, **run, **common))
            for position, step in enumerate(version.steps):
                is_skipped = step["id"] == "big" and amount <= 990
                row_id = ids.step_run_id(run_id, step["id"], 0, 1, 1)
                rows[StepRun].append(
                    StepRun(
                        id=row_id,
                        run_id=run_id,
                        step_id=step["id"],
                        position=position,
                        connector=step["connector"],
                        action=step["action"],
                        status="skipped" if is_skipped else "succeeded",
                        input={**step["params"], "json": amount} if step["id"] == "charge" else None,
                        sealed=None if is_skipped else seal_output(key, row_id, '{"body": {"id": "ch_1"}}'),
                        started_at=at,
                        ended_at=at,
                        **common,
                    )
                )
        for model, made_rows in rows.items():
            model.objects.bulk_create(made_rows, batch_size=500)
    return version


def try_span(version: Any, events: int, matching: int) -> tuple[Backtest, float, int]:
    """The result, its seconds, and the most memory of the process until now in MB."""
    from automate.services.testing import backtest

    started = time.perf_counter()
    found = backtest(
        workflow_id=version.workflow_id,
        definition=workflow(995 - 10 * matching, factor=2),
        since=SINCE,
        until=SINCE + timedelta(seconds=events),
    )
    seconds = time.perf_counter() - started
    return found, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--matching", type=int, default=10, help="of 100 events, how many start the workflow")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="automate-backtest-") as folder:
        prepare(Path(folder))
        version = fill(said.events, said.matching)
        for events in (said.events // 10, said.events):
            found, seconds, peak = try_span(version, events, said.matching)
            assert found.is_complete
            assert found.events == events
            print(
                f"{events:8,} events in {seconds:7.1f} s: {events / seconds:8.0f} events/s, "
                f"{found.matches:,} runs tried ({found.matches / seconds:.0f}/s), peak {peak} MB; "
                f"gained {found.gained:,}, lost {found.lost:,}, requests changed {found.requests_changed:,}"
            )


if __name__ == "__main__":
    main()
