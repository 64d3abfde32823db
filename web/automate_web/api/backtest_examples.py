"""Examples of backtests in the background; see `examples`."""

from __future__ import annotations

from typing import Any

_JOB = {
    "id": "019aa902-1c00-7d4e-9000-7a8b9c0d1e2f",
    "workflow_id": "019aa8ff-0400-7b22-8000-112233445566",
    "version_num": 3,
    "status": "running",
    "since": "2026-11-14T00:00:00Z",
    "until": "2026-11-21T00:00:00Z",
    "events_done": 0,
    "events_total": 41250,
    "error": None,
    "created_by": "key:am_live_ab12",
    "created_at": "2026-11-21T08:30:00.125000Z",
    "ended_at": None,
}


def backtest_examples(found: dict[str, Any], page: Any) -> dict[str, Any]:
    """By operation id. `found` is the example of what a backtest tells; `page` makes a list's envelope."""
    ended = {**_JOB, "status": "succeeded", "events_done": 41250, "ended_at": "2026-11-21T08:34:10Z"}
    return {
        "workflow_backtest_jobs_list": {
            "answer": page("backtests", ended),
            "description": "Newest first, without what they found. Needs the scope `events:read` as well.",
        },
        "workflow_backtest_jobs_create": {
            "body": {"workflow": "order-flow", "version": 3, "since": "2026-11-14T00:00:00Z"},
            "answer": {**_JOB, "result": None},
            "description": "Up to 100,000 events; what is tried is frozen now. Ask for it by its id until `status` is "
            "no longer `running`; two may run at the same time (409). Needs the scopes `events:read` and `runs:read` "
            "as well.",
        },
        "workflow_backtest_jobs_get": {
            "answer": {**ended, "result": found},
            "description": "While it runs, `result` counts what was looked at so far.",
        },
        "workflow_backtest_cancellations_create": {
            "answer": {**_JOB, "status": "cancelled", "ended_at": "2026-11-21T08:31:00Z", "result": None},
            "description": "What was found so far stays. One that has ended stays as it is.",
        },
    }
