"""Examples of what is done to runs and events: retry, cancel, settle, approve, replay, redrive, halt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RETRY_ID = "019aa900-1c00-8d4e-9000-7a8b9c0d1e2f"
_WAIT = {
    "step": "ask",
    "item": 0,
    "kind": "approval",
    "message": "Refund 120 EUR to Ada?",
    "approvers": ["ada@example.com", "role:admin"],
    "event_type": "",
    "child_run_id": None,
    "since": "2026-11-21T08:30:00.125000Z",
    "until": "2026-11-22T08:30:00.125000Z",
}
_FILTER = {"workflow": "order-flow", "code": "connector_error"}


def control_examples(run: Mapping[str, Any], event: Mapping[str, Any], page: Any) -> dict[str, dict[str, Any]]:
    """By operation id. `run` and `event` are the document's usual ones; `page` makes a list's envelope."""
    failed = {
        **run,
        "status": "failed",
        "error": {"code": "connector_error", "message": "502 from the shop", "details": {}, "step": "charge"},
    }
    plan = {
        "run_id": run["id"],
        "version": 3,
        "from_step": "charge",
        "kept": ["note"],
        "again": [
            {
                "id": "charge",
                "connector": "http",
                "action": "request",
                "effect": "write",
                "repeats": False,
                "in_doubt": False,
                "only_failed_items": False,
            }
        ],
    }
    halted = {
        "is_halted": True,
        "halted_at": "2026-11-21T08:30:00.125000Z",
        "halted_by": "user:1",
        "reason": "an incident",
        "everything": "The engine is paused in this workspace: an incident",
    }
    return {
        "run_retries_create": {
            "body": {"from": "failed", "version": "same"},
            "answer": {"id": _RETRY_ID, "plan": plan},
            "description": "A new run, linked both ways. What was recorded before the step is taken over; steps that "
            "have succeeded and run again do what they do once more (`repeats`). With `dry_run`: the plan alone, 200.",
        },
        "run_cancellations_create": {
            "body": {},
            "answer": {**run, "status": "running", "ended_at": None, "cancel_requested_at": run["started_at"]},
            "description": "It stops at its next safe point, its children too; `finally` steps still run. A "
            "cancelled run never comes back. Asking again changes nothing.",
        },
        "run_settlements_create": {
            "body": {"step": "charge", "verdict": "happened", "output": {"id": "ch_1"}},
            "answer": {**run, "status": "queued", "ended_at": None},
            "description": "Of a held run: what became of a step that may have happened. The run goes on. "
            "This cannot be taken back.",
        },
        "approvals_list": {
            "answer": page("approvals", {**_WAIT, "run_id": run["id"], "workflow": run["workflow"]}),
            "description": "Questions whose time is not over.",
        },
        "run_approvals_create": {
            "body": {"step": "ask", "decision": "approve", "comment": "Checked with the warehouse"},
            "answer": {
                "run_id": run["id"],
                "step": "ask",
                "item": 0,
                "decision": "approve",
                "comment": "Checked with the warehouse",
                "answered_by": "key:am_live_ab12",
                "answered_at": "2026-11-21T08:31:00.125000Z",
            },
            "description": "Whoever answers first has answered; a second answer is 409. A key is asked where the step "
            "names nobody, or names the key.",
        },
        "event_replays_create": {
            "body": {"payload": {"id": 7, "total": 140, "token": "********"}},
            "answer": {**event, "id": _RETRY_ID, "replay_of": event["id"]},
            "description": "A new event with runs of its own: their effects happen again. "
            "A `********` keeps the stored value.",
        },
        "failures_list": {
            "answer": page("failures", {**failed, "fingerprint": "9f86d081884c7d65", "dismissed_at": None}),
            "description": "Failed runs that nobody retried or dismissed, and held ones; newest first.",
        },
        "failure_groups_list": {
            "answer": page(
                "failures/groups",
                {
                    "workflow": run["workflow"],
                    "fingerprint": "9f86d081884c7d65",
                    "step": "charge",
                    "code": "connector_error",
                    "message": "502 from the shop",
                    "count": 12,
                    "first_at": "2026-11-21T08:10:00Z",
                    "latest_at": "2026-11-21T08:30:00Z",
                    "latest_run_id": run["id"],
                    "owner": "ada@example.com",
                    "muted_until": None,
                },
            ),
            "description": "The largest first, at most 200.",
        },
        "failure_events_list": {
            "answer": page("failures/events", {"event": event, "attempts": 5}),
            "description": "Five workers stopped while they matched the event; its job is dead until it is redriven.",
        },
        "failure_redrives_create": {
            "body": {**_FILTER, "rate": 5},
            "answer": {
                "started": [{"run_id": run["id"], "retry_id": _RETRY_ID}],
                "skipped": [],
                "plans": [],
                "events": 0,
                "remaining": 0,
            },
            "description": "Each is a retry from the step that failed, the oldest first; `rate` spreads them. With "
            "`dry_run`: what each would do, 200. At most 1,000 at once; `remaining` says how many are left.",
        },
        "failure_dismissals_create": {
            "body": _FILTER,
            "answer": {"changed": 12},
            "description": "They leave the list; nothing runs. With `undo` they come back.",
        },
        "failure_marks_create": {
            "body": {
                "workflow": "order-flow",
                "fingerprint": "9f86d081884c7d65",
                "muted_until": "2026-11-28T08:00:00Z",
                "owner": "ada@example.com",
            },
            "answer": {
                "workflow_id": run["workflow"]["id"],
                "fingerprint": "9f86d081884c7d65",
                "owner": "ada@example.com",
                "muted_until": "2026-11-28T08:00:00Z",
                "updated_at": "2026-11-21T08:40:00Z",
            },
            "description": "What is not said stays. Muting hides and stops nothing; it ends by itself.",
        },
        "halts_get": {"answer": halted},
        "halts_save": {
            "body": {"is_halted": True, "reason": "an incident"},
            "answer": halted,
            "description": "While it is on events are taken in and kept, and nothing runs; off again, "
            "everything goes on.",
        },
        "workflow_halts_get": {"answer": {**halted, "everything": None}},
        "workflow_halts_save": {
            "body": {"is_halted": True, "reason": "an incident"},
            "answer": {**halted, "everything": None},
            "description": "Its runs are made and wait; they go on, oldest first, when it is off again.",
        },
    }
