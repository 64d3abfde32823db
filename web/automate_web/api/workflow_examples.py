"""Examples of lists, changes, copies, the trash and templates of workflows; see `examples`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ID = "019aa8e0-1c00-7c11-8000-0f1e2d3c4b5a"
_SECRET = {"name": "SLACK_TOKEN", "what": "Bot token of a Slack app."}
_TEMPLATE = {
    "slug": "heartbeat-missing",
    "name": "Heartbeat missing",
    "category": "Watch",
    "summary": "When a job that should report every day stays silent, Slack hears of it.",
    "secrets": [_SECRET],
}


def workflow_examples(
    workflow: dict[str, Any], definition: dict[str, Any], page: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """By operation, as in `examples.EXAMPLES`."""
    detail = {**workflow, "draft": definition}
    removed = {"removed_at": "2026-11-21T09:00:00Z", "purged_after": "2026-12-21T09:00:00Z"}
    trashed = {**workflow, "state": "disabled", **removed}
    ref = {name: workflow[name] for name in ("id", "slug", "name")}
    recent = {
        "total": 9,
        "is_capped": False,
        "succeeded": 8,
        "failed": 1,
        "success_percent": 88.8,
        "by_hour": [0] * 22 + [4, 5],
        "latest": {"id": _ID, "status": "succeeded", "created_at": "2026-11-21T08:30:00Z"},
    }
    return {
        "workflows_list": {
            "answer": page("workflows", {**workflow, "recent": recent}),
            "description": "Newest first. `recent` is null without `expand=recent`.",
        },
        "workflows_change": {
            "body": {"tags": ["sales", "eu"], "is_enabled": False},
            "answer": {**detail, "state": "disabled", "tags": ["eu", "sales"]},
            "description": "All that is named or, where something is refused, nothing. Runs already started go on.",
        },
        "workflows_delete": {
            "answer": trashed,
            "description": "For 30 days it can be brought back; no event starts it, and its runs stay.",
        },
        "workflow_copies_create": {
            "body": {"slug": "order-flow-eu", "name": "Order flow, EU"},
            "answer": {**detail, "slug": "order-flow-eu", "name": "Order flow, EU", "state": "draft"}
            | {"active_version": None, "draft_revision": 1},
            "description": "A draft with the same trigger, rule, steps, test cases and tags.",
        },
        "workflow_dependents_get": {
            "answer": {
                "schedule": None,
                "endpoint": "default",
                "event_type": None,
                "callers": [ref],
                "listeners": [],
                "unfinished_runs": 2,
            },
            "description": "Ask before deleting or turning it off.",
        },
        "workflow_trash_list": {"answer": page("workflow-trash", trashed), "description": "Newest first."},
        "workflow_restorations_create": {
            "body": {"is_enabled": False},
            "answer": {**detail, "state": "disabled"},
            "description": "With its draft, versions and tags.",
        },
        "workflow_purges_create": {
            "body": {"name": workflow["name"]},
            "answer": {"id": workflow["id"], "purged": True},
            "description": "Cannot be undone. Its runs stay readable for their time; 409 while one has not ended.",
        },
        "workflow_templates_list": {"answer": {"results": [_TEMPLATE]}, "description": "All of them, in their order."},
        "workflow_templates_get": {
            "answer": {
                **_TEMPLATE,
                "description": "The dead-man's switch.",
                "fill": [{"path": "/trigger/event_type", "what": "The event that should keep coming."}],
                "definition": definition,
                "companions": [],
                "sample": {"event_type": "backup.finished"},
            },
            "description": "What it makes, the secrets it refers to, and the places for something of your own.",
        },
        "workflow_templates_create_workflow": {
            "answer": {**detail, "state": "draft", "active_version": None, "draft_revision": 1},
            "description": "Nothing of it runs before it is published.",
        },
    }
