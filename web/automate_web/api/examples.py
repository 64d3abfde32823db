"""An example for each operation of the OpenAPI document; tests hold them against the shapes of real answers."""

from __future__ import annotations

from typing import Any, Final

from automate_web.api.backtest_examples import backtest_examples
from automate_web.api.bulk_examples import bulk_examples
from automate_web.api.connector_examples import connector_examples
from automate_web.api.control_examples import control_examples
from automate_web.api.key_examples import key_examples
from automate_web.api.notification_examples import notification_examples
from automate_web.api.rule_examples import rule_examples
from automate_web.api.team_examples import team_examples
from automate_web.api.version_examples import version_examples
from automate_web.api.webhook_examples import webhook_examples
from automate_web.api.workflow_examples import workflow_examples

TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
_EVENT_ID = "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"
_RUN_ID = "019aa900-1c00-8c3d-9000-6f7a8b9c0d1e"
_WORKFLOW_ID = "019aa8ff-0400-7b22-8000-112233445566"
_VERSION_ID = "019aa8ff-2300-7d33-8000-99aabbccddee"
_AT = "2026-11-21T08:30:00.125000Z"
_PAGE_URL = "https://app.example.com/api/v1/"

_USAGE_ALERTS = {
    "every": [50, 80, 100],
    "meters": {"llm": [25, 50, 75, 100]},
    "in_force": {
        "events": [50, 80, 100],
        "runs": [50, 80, 100],
        "steps": [50, 80, 100],
        "llm": [25, 50, 75, 100],
        "storage": [50, 80, 100],
    },
    "changed_at": _AT,
    "changed_by": "user:7",
}
_EVENT = {
    "id": _EVENT_ID,
    "type": "order.created",
    "source": "api",
    "trace_id": TRACE_ID,
    "received_at": _AT,
    "replay_of": None,
}
_WORKFLOW_REF = {"id": _WORKFLOW_ID, "slug": "order-flow", "name": "Order flow"}
_RUN = {
    "id": _RUN_ID,
    "status": "succeeded",
    "workflow": _WORKFLOW_REF,
    "version": {"id": _VERSION_ID, "version_num": 3},
    "event_id": _EVENT_ID,
    "trace_id": TRACE_ID,
    "steps_done": 1,
    "steps_total": 1,
    "error": None,
    "created_at": _AT,
    "started_at": _AT,
    "ended_at": "2026-11-21T08:30:00.410000Z",
    "wake_at": None,
    "origin": "event",
    "retry_of": None,
    "attempt": 1,
    "parent_run_id": None,
    "deadline_at": "2026-02-01T10:00:00Z",
    "cancel_requested_at": None,
}
_ATTEMPT = {
    "id": "019aa900-1c00-8e4f-a000-1f2e3d4c5b6a",
    "attempt": 1,
    "round": 1,
    "item": 0,
    "status": "succeeded",
    "input": {"level": "info", "message": "Order 7 came in"},
    "output": {"message": "Order 7 came in"},
    "error": None,
    "logs": [{"at": _AT, "level": "info", "message": "Order 7 came in"}],
    "started_at": _AT,
    "ended_at": "2026-11-21T08:30:00.410000Z",
    "retry_at": None,
}
_DEFINITION = {
    "slug": "order-flow",
    "name": "Order flow",
    "trigger": {"type": "event", "event_type": "order.created"},
    "rule": {">": [{"var": "payload.total"}, 100]},
    "steps": [
        {
            "id": "note",
            "connector": "core",
            "action": "log",
            "params": {"level": "info", "message": "Order {{ payload.id }} came in"},
        }
    ],
}
_WORKFLOW = {
    **_WORKFLOW_REF,
    "state": "live",
    "is_sample": False,
    "draft_revision": 4,
    "active_version": {"id": _VERSION_ID, "version_num": 3, "published_at": _AT},
    "created_at": "2026-11-20T10:00:00Z",
    "updated_at": _AT,
    "updated_by": "user:12",
    "tags": ["sales"],
}
_VERSION = {
    "id": _VERSION_ID,
    "version_num": 3,
    "trigger": _DEFINITION["trigger"],
    "rule": _DEFINITION["rule"],
    "steps": _DEFINITION["steps"],
    "options": {"deadline_seconds": 3600},
    "note": "Only large orders",
    "published_by": "user:12",
    "published_at": _AT,
}


def _page(path: str, result: dict[str, Any]) -> dict[str, Any]:
    return {"next": f"{_PAGE_URL}{path}?cursor=bzAxOWFhOTAw", "previous": None, "results": [result]}


_SECRET = {
    "id": "019aa8ff-5500-7f55-8000-ddeeff001122",
    "name": "STRIPE_LIVE_KEY",
    "reference": '{"$secret": "STRIPE_LIVE_KEY"}',
    "note": "Payments, live",
    "hosts": ["api.stripe.com"],
    "version_num": 2,
    "created_at": "2026-10-01T10:00:00Z",
    "created_by": "user:12",
    "rotated_at": _AT,
    "latest_used_at": _AT,
    "used_by": ["order-flow"],
}
_AUDIT_ENTRY = {
    "id": "019aa900-2d00-7a66-8000-334455667788",
    "created_at": _AT,
    "actor": "user:12",
    "action": "secret.rotate",
    "resource": "secret:STRIPE_LIVE_KEY",
    "details": {"name": "STRIPE_LIVE_KEY", "version": 2},
    "trace_id": TRACE_ID,
    "ip": "203.0.113.7",
}
_TICK = {
    "id": 412,
    "due_at": "2026-11-21T08:00:00Z",
    "until_at": None,
    "count": 1,
    "outcome": "fired",
    "reason": "On time.",
    "event_id": _EVENT_ID,
    "trace_id": TRACE_ID,
    "decided_at": "2026-11-21T08:00:00.031000Z",
}
_SCHEDULE = {
    "id": "019aa8ff-2300-7e44-8000-123412341234",
    "workflow": _WORKFLOW_REF,
    "kind": "cron",
    "state": "active",
    "words": "At 09:00 on Monday through Friday, Europe/Berlin",
    "trigger": {"type": "schedule", "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"},
    "upcoming": ["2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"],
    "latest_tick": _TICK,
}


_POLICY: dict[str, Any] = {
    "document": {"webhook_rate": 100, "host_allowlist": ["*.stripe.com"], "outbound_rates": {"api.stripe.com": 60}},
    "revision": 3,
    "updated_at": "2026-11-21T08:30:00.000000Z",
    "updated_by": "user:1",
    "in_force": {
        "webhook_rate": {"value": 100, "layer": "tenant"},
        "connector_allowlist": [],
        "host_allowlist": [{"value": ["*.stripe.com"], "layer": "tenant"}],
        "outbound_rates": [{"value": {"api.stripe.com": 60}, "layer": "tenant"}],
        "endpoint_rates": [],
    },
    "blocked": [
        {
            "rule": "host_allowlist",
            "layer": "tenant",
            "subject": "api.paypal.com:443",
            "outcome": "denied",
            "count": 12,
            "latest_at": "2026-11-21T08:29:13.512000Z",
            "latest_run_id": "019b3f6a-7c1e-8a52-b1c4-5d9e0f3a2b71",
        }
    ],
}

_LLM_SHARE = {"calls": 41, "cost_usd": "3.410000", "input_tokens": 90112, "output_tokens": 20480}
_LLM_CALL = {
    "id": _RUN_ID,
    "at": "2026-11-22T08:30:00Z",
    "day": "2026-11-22",
    "status": "settled",
    "action": "chat",
    "provider": "openai_compatible",
    "model": "my-model",
    "workflow_id": _WORKFLOW_ID,
    "version_id": _VERSION_ID,
    "run_id": _RUN_ID,
    "step_id": "ask",
    "attempt": 1,
    "input_tokens": 2198,
    "cached_tokens": 0,
    "output_tokens": 499,
    "reserved_usd": "0.120000",
    "cost_usd": "0.083000",
    "usage_from": "provider",
    "finish_reason": "stop",
    "error_code": "",
}
_LLM_PREFERENCES: dict[str, Any] = {
    "keeps_prompts": False,
    "prices": [{"model": "my-model", "input": "0.5", "output": "1.5"}],
}
_WORKSPACE = {
    "slug": "acme",
    "name": "Acme Ltd",
    "timezone": "Europe/Berlin",
    "requires_second_factor": True,
    "retention_days": 30,
    "created_at": _AT,
}
_EXPORT: dict[str, Any] = {
    "id": _RUN_ID,
    "status": "done",
    "raw": False,
    "asked_by": "key:am_live_ab12",
    "created_at": _AT,
    "ended_at": _AT,
    "expires_at": _AT,
    "size_bytes": 81_920,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "rows": {"events.jsonl": 120, "runs.jsonl": 118},
    "error": "",
    "archive_url": "https://app.automate.example/exports/WzEsIjAxOTA2YjgxIl0:1r/",
}
_VIEW = {
    "id": "7",
    "page": "runs",
    "name": "Failed today",
    "filters": {"status": "failed", "since": "24h"},
    "is_shared": True,
    "owner": "key:am_live_ab12",
    "created_at": "2026-11-22T08:30:00Z",
    "updated_at": "2026-11-22T08:30:00Z",
}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    **control_examples(_RUN, _EVENT, _page),
    **version_examples(_VERSION, _DEFINITION),
    **rule_examples(),
    **connector_examples(),
    "events_list": {"answer": _page("events", _EVENT), "description": "Newest first, without payloads."},
    "events_send": {
        "body": {"type": "order.created", "payload": {"id": 7, "total": 120}},
        "answer": {"event_id": _EVENT_ID, "trace_id": TRACE_ID},
        "description": "Answered once the event and the intent to process it are committed. "
        "Workflows whose trigger is this event type start; a `traceparent` header gives the trace id.",
    },
    "events_get": {
        "answer": {
            **_EVENT,
            "payload": {"id": 7, "total": 120},
            "headers": None,
            "why": [
                {
                    "workflow": _WORKFLOW_REF,
                    "version": {"id": _VERSION_ID, "version_num": 3},
                    "run_id": _RUN_ID,
                    "decision": "started",
                    "reason": "rule_true",
                    "sentence": "The event is the trigger's, and the rule matched.",
                    "failed_at": "",
                    "condition": "",
                    "seen": [],
                    "explanation": None,
                }
            ],
            "runs": [_RUN],
            "replays": [],
        },
        "description": "With the decision for each workflow that could have run, and the runs it made.",
    },
    "runs_list": {"answer": _page("runs", {**_RUN, "event": None, "steps": None}), "description": "Newest first."},
    "runs_get": {
        "answer": {
            **_RUN,
            "outputs": {"note": {"message": "Order 7 came in"}},
            "dismissed_at": None,
            "retries": [],
            "children": [],
            "waits": [],
            "queue": None,
            "steps": [
                {
                    "id": "note",
                    "position": 0,
                    "connector": "core",
                    "action": "log",
                    "status": "succeeded",
                    "waits_for": "",
                    "attempts": [_ATTEMPT],
                }
            ],
            "event": None,
        },
        "description": "With each step of its version and every attempt. Secrets were redacted before this was stored.",
    },
    "workflows_create": {
        "body": _DEFINITION,
        "answer": {**_WORKFLOW, "state": "draft", "draft_revision": 1, "active_version": None, "draft": _DEFINITION},
        "description": "Makes a draft; publish it to make it run.",
    },
    "workflows_get": {
        "answer": {**_WORKFLOW, "draft": _DEFINITION},
        "description": "By id or slug. With `If-None-Match`, 304 while the draft is unchanged.",
    },
    "workflows_save_draft": {
        "body": _DEFINITION,
        "answer": {**_WORKFLOW, "draft": _DEFINITION},
        "description": "Replaces the whole draft. What runs stays the active version until you publish.",
    },
    "workflow_versions_list": {
        "answer": _page("workflows/order-flow/versions", _VERSION),
        "description": "Newest first.",
    },
    "workflow_versions_publish": {
        "body": {"note": "Only large orders"},
        "answer": _VERSION,
        "description": "Freezes the draft as the next version and makes it active. Runs already started keep theirs. "
        "A draft with problems is refused with all of them.",
    },
    "secrets_list": {"answer": _page("secrets", _SECRET), "description": "Newest first. No answer holds a value."},
    "secrets_create": {
        "body": {"name": "STRIPE_LIVE_KEY", "value": "the key", "hosts": ["api.stripe.com"], "note": "Payments, live"},
        "answer": {**_SECRET, "version_num": 1, "rotated_at": None, "latest_used_at": None, "used_by": []},
        "description": "Write `reference` in a workflow; the value is read when a step runs, and returned by nothing.",
    },
    "secrets_get": {"answer": _SECRET, "description": "By name, without its value."},
    "secrets_change": {
        "body": {"hosts": ["api.stripe.com", "files.stripe.com"]},
        "answer": {**_SECRET, "hosts": ["api.stripe.com", "files.stripe.com"]},
        "description": "The value stays; for another one make a new version.",
    },
    "secrets_delete": {
        "answer": {"name": "STRIPE_LIVE_KEY", "deleted": True},
        "description": "Refused (`secret_in_use`) while a workflow refers to it. Every value is erased.",
    },
    "secret_versions_create": {
        "body": {"value": "the next key"},
        "answer": _SECRET,
        "description": "The reference stays. The value before can be restored for 24 hours.",
    },
    "secret_restorations_create": {
        "answer": {**_SECRET, "version_num": 3},
        "description": "Within 24 hours of the rotation; the value comes back as a new version.",
    },
    "policy_get": {
        "answer": _POLICY,
        "description": "The workspace's own rules, what holds, and what was blocked in 7 days.",
    },
    "policy_save": {
        "body": _POLICY["document"],
        "answer": _POLICY,
        "description": "The whole document is replaced. It holds for the next step, and for webhooks within 2 seconds.",
    },
    "policy_previews_create": {
        "body": _POLICY["document"],
        "answer": {
            "would_have_blocked": [
                {"rule": "host_allowlist", "subject": "api.paypal.com:443", "outcome": "denied", "count": 12}
            ]
        },
        "description": "Runs the rules over the last 24 hours; nothing is changed.",
    },
    "workspace_exports_list": {"answer": _page("workspace/exports", _EXPORT), "description": "Newest first."},
    "workspace_exports_create": {
        "body": {"raw": False},
        "answer": {**_EXPORT, "status": "queued", "ended_at": None, "expires_at": None, "archive_url": None},
        "description": "A worker makes it; ask for it until `status` is done. One at a time. The archive is kept for "
        "three days. Only an Owner gives a key the scope `workspace:export`.",
    },
    "workspace_exports_get": {
        "answer": _EXPORT,
        "description": "`archive_url` works for an hour after this answer, without a key: `curl -o export.zip`.",
    },
    "workspace_delete": {
        "body": {"confirm": "acme"},
        "answer": {"slug": "acme", "delete_at": _AT},
        "description": "It stops at once: events and keys are refused, this one too. For a week an Owner can undo it "
        "on the page of their workspaces; then everything is deleted. An Owner gives a key `workspace:delete`.",
    },
    "workspace_get": {
        "answer": _WORKSPACE,
        "description": "Whether members need a second factor is read here; an Owner sets it on the page.",
    },
    "workspace_save": {
        "body": {"timezone": "Europe/Berlin"},
        "answer": _WORKSPACE,
        "description": "What is left out stays.",
    },
    "views_list": {"answer": _page("views", _VIEW), "description": "Those of the key, and those that are shared."},
    "views_create": {
        "body": {"page": "runs", "name": "Failed today", "filters": {"status": "failed", "since": "24h"}},
        "answer": _VIEW,
        "description": "Shared unless said otherwise: nobody else would see what belongs to a key.",
    },
    "views_get": {"answer": _VIEW},
    "views_change": {"body": {"name": "Failed in a day"}, "answer": {**_VIEW, "name": "Failed in a day"}},
    "views_delete": {"answer": {"id": "7", "deleted": True}},
    "overview_get": {
        "answer": {
            "since": "2026-11-21T08:30:00Z",
            "until": "2026-11-22T08:30:00Z",
            "events": 10412,
            "runs": 9318,
            "succeeded": 9290,
            "failed": 21,
            "success_rate": 0.9977,
            "p95_seconds": 1.84,
            "open_failures": 3,
            "hours": [{"starts_at": "2026-11-21T08:00:00Z", "events": 212, "runs": 190, "succeeded": 190, "failed": 0}],
            "queue": {"waiting": 12, "oldest_seconds": 0.4, "in_flight": 20, "max_in_flight": 200, "weight": 2.0},
        },
        "description": "A retry counts in the window of the event that its first run was made for.",
    },
    "usage_get": {
        "answer": {
            "period": "2026-11",
            "time_zone": "Europe/Berlin",
            "ends_at": "2026-11-30T23:00:00Z",
            "plan": {"code": "pro", "name": "Pro", "since": "2026-09-02T08:00:00Z"},
            "held_events": 0,
            "meters": [
                {
                    "meter": "events",
                    "used": 310000,
                    "included": 500000,
                    "percent": 62,
                    "holds": True,
                    "forecast": {"low": 402000, "likely": 424000, "high": 446000, "hits_at": None},
                    "by_day": [{"day": "2026-11-01", "amount": 14200}],
                }
            ],
            "periods": ["2026-11", "2026-10"],
        },
        "description": "Added up every few seconds. At the limit of events, runs or steps new events are accepted and "
        "held; none is dropped.",
    },
    "usage_alerts_get": {"answer": _USAGE_ALERTS},
    "usage_alerts_save": {
        "body": {"every": [50, 80, 100], "meters": {"llm": [25, 50, 75, 100]}},
        "answer": _USAGE_ALERTS,
        "description": "Each threshold is told once a period. One that is chosen in mid-period is told if usage is "
        "past it and nothing above it was told.",
    },
    "usage_days": {
        "answer": {
            "period": "2026-11",
            "results": [{"day": "2026-11-01", "meter": "runs", "subject": _WORKFLOW_ID, "amount": 9120}],
        },
        "description": "Every day, meter and workflow of the period, in that order; `llm` in micro-dollars.",
    },
    "llm_usage_get": {
        "answer": {
            "day": "2026-11-22",
            "time_zone": "Europe/Berlin",
            "resets_at": "2026-11-22T23:00:00Z",
            "spent_usd": "3.410000",
            "reserved_usd": "0.120000",
            "unreconciled_usd": "0.000000",
            "cap_usd": "10.000000",
            "calls": 41,
            "by_workflow": [{**_LLM_SHARE, "key": _WORKFLOW_ID}],
            "by_model": [{**_LLM_SHARE, "key": "my-model"}],
            "earlier": [{**_LLM_SHARE, "month": "2025-09", "model": "my-model"}],
        },
        "description": "What is set aside for calls under way counts against the cap like what is spent.",
    },
    "llm_calls_list": {
        "answer": _page("llm/calls", _LLM_CALL),
        "description": "Newest first; every call has its row, from the reservation on.",
    },
    "llm_preferences_get": {
        "answer": {**_LLM_PREFERENCES, "table_as_of": "2026-11-22"},
        "description": "Prices of the workspace's own come before the kept table.",
    },
    "llm_preferences_save": {
        "body": _LLM_PREFERENCES,
        "answer": {**_LLM_PREFERENCES, "table_as_of": "2026-11-22"},
        "description": "Replaced as a whole; holds for the next call.",
    },
    "audit_list": {"answer": _page("audit", _AUDIT_ENTRY), "description": "Newest first; append-only."},
    "schedules_list": {"answer": _page("schedules", _SCHEDULE), "description": "Newest first."},
    "schedules_get": {"answer": _SCHEDULE},
    "schedules_change": {
        "body": {"is_paused": True},
        "answer": {**_SCHEDULE, "state": "paused", "upcoming": []},
        "description": "Due times while it is paused are not caught up. "
        "What else a schedule says is published with its workflow.",
    },
    "schedule_ticks_list": {
        "answer": _page("schedules/019aa8ff-2300-7e44-8000-123412341234/ticks", _TICK),
        "description": "Newest first: fired, caught up, skipped, waiting, run by hand, each with the reason.",
    },
    "schedule_ticks_create": {
        "body": {},
        "answer": {**_TICK, "outcome": "manual", "reason": "Run by hand by key:am_live_ab12."},
        "description": "One more tick, at once. The next due time stays, and the workflow's rule is asked as always.",
    },
    "workflow_runs_create": {
        "body": {"payload": {"order": 7}},
        "answer": {"run_id": _RUN_ID},
        "description": "Starts the live version at once, past its rule, whatever its trigger is.",
    },
    "workflow_validations_create": {
        "body": {**_DEFINITION, "steps": []},
        "answer": {
            "valid": False,
            "problems": [
                {"path": "/steps", "code": "malformed", "message": "At least 1 must be here.", "severity": "error"},
            ],
        },
        "description": "Every problem: errors would stop it from being published, warnings would not.",
    },
    "workflow_dry_runs_create": {
        "body": {
            "workflow": "order-flow",
            "payload": {"id": 7, "total": 250},
            "stubs": {"charge": {"output": {"id": "ch_1"}}},
        },
        "answer": {
            "decision": {"matches": True, "reason": "rule_true", "failed_at": "", "explain": None},
            "event": {"id": _EVENT_ID, "type": "order.created", "source": "emit_event"},
            "status": "succeeded",
            "is_certain": True,
            "error": None,
            "path": {"charge": "succeeded"},
            "steps": [
                {
                    "step": "charge",
                    "item": 0,
                    "kind": "step",
                    "connector": "http",
                    "action": "request",
                    "status": "succeeded",
                    "attempts": 1,
                    "input": {"method": "POST", "url": "https://api.example.com/charges"},
                    "request": {
                        "connector": "http",
                        "action": "request",
                        "effect": "write",
                        "params": {"method": "POST", "url": "https://api.example.com/charges"},
                    },
                    "output": {"id": "ch_1"},
                    "output_from": "stub",
                    "recorded_run_id": None,
                    "same_request": None,
                    "error": None,
                    "needs": None,
                    "denied": [],
                    "waits": None,
                    "items": None,
                    "is_assumed": False,
                    "logs": [],
                }
            ],
            "unknown": [],
            "waited_seconds": 0.0,
            "limit": None,
            "recorded_run_id": None,
        },
        "description": "Nothing is sent and nothing is stored. A past event also needs the scopes `events:read` and "
        "`runs:read`; a definition of your own that reads one needs `workflows:write`.",
    },
    "workflow_backtests_create": {
        "body": {"workflow": "order-flow", "since": "2026-11-14T00:00:00Z", "until": "2026-11-21T00:00:00Z"},
        "answer": {
            "since": "2026-11-14T00:00:00Z",
            "until": "2026-11-21T00:00:00Z",
            "events": 1200,
            "matched_then": 310,
            "matches": 308,
            "gained": 0,
            "lost": 2,
            "paths_same": 300,
            "paths_changed": 5,
            "paths_unknown": 3,
            "not_compared": 0,
            "requests_same": 300,
            "requests_changed": 8,
            "requests_unknown": 0,
            "steps": 616,
            "calls": {"http.request": 308},
            "llm_calls": 0,
            "llm_usd": "0",
            "llm_usd_at_most": "0",
            "llm_calls_estimated": 0,
            "llm_calls_unknown": 0,
            "differences": [
                {
                    "event_id": _EVENT_ID,
                    "run_id": _RUN_ID,
                    "kind": "lost",
                    "steps": [],
                    "requests": [],
                    "unknown": [],
                }
            ],
            "is_complete": True,
            "goes_on_at": None,
        },
        "description": "At most 20,000 events or 20 s in one call; where `is_complete` is false, send `goes_on_at` as "
        "`since` to go on. Needs the scopes `events:read` and `runs:read` as well.",
    },
}
EXAMPLES.update(bulk_examples(_page))
EXAMPLES.update(key_examples(_EVENT, _page))
EXAMPLES.update(webhook_examples(TRACE_ID, _EVENT_ID, _RUN_ID, _page))
EXAMPLES.update(notification_examples(_page))
EXAMPLES.update(team_examples(_page))
EXAMPLES.update(backtest_examples(EXAMPLES["workflow_backtests_create"]["answer"], _page))
EXAMPLES.update(workflow_examples(_WORKFLOW, _DEFINITION, _page))
