"""Examples of bulk operations on runs."""

from __future__ import annotations

from typing import Any

_BULK = {
    "id": "019aa901-2200-7c11-8000-0123456789ab",
    "action": "retry",
    "status": "running",
    "total": 120,
    "done": 40,
    "skipped": 2,
    "rate": 10.0,
    "version": "same",
    "error": None,
    "created_by": "key:am_live_3k9f",
    "created_at": "2026-11-21T08:30:00Z",
    "ended_at": None,
    "preview": None,
}
_ENDED = "2026-11-21T08:31:00Z"
_RESULT = {
    "id": "019aa901-2300-7c11-8000-0123456789ab",
    "run_id": "019aa900-1c00-8c3d-9000-6f7a8b9c0d1e",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "made_id": "019aa901-2300-8c3d-9000-6f7a8b9c0d1f",
    "code": "",
    "message": "",
}


def bulk_examples(page: Any) -> dict[str, dict[str, Any]]:
    """By operation id; `page` makes a list's envelope."""
    return {
        "run_bulks_list": {"answer": page("runs/bulk", _BULK)},
        "run_bulks_get": {"answer": _BULK},
        "run_bulks_create": {
            "body": {"action": "retry", "filter": {"status": "failed", "since": "24h"}, "rate": 10},
            "answer": {**_BULK, "done": 0, "skipped": 0},
            "description": "At most 10,000 runs, the oldest first; later ones are not taken in. `dry_run` counts them "
            "and starts nothing. Poll the operation for its progress.",
        },
        "run_bulk_results_list": {"answer": page("runs/bulk/019aa901-2200-7c11-8000-0123456789ab/results", _RESULT)},
        "run_bulk_cancellations_create": {
            "answer": {**_BULK, "status": "cancelled", "ended_at": "2026-11-21T08:31:00Z"}
        },
    }
