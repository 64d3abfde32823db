"""The connector `core`: steps that touch nothing outside: log, shape data, fail, wait, ask, start another workflow.

Those that wait are the engine's own: it reads their forms here and never calls them.
"""

from __future__ import annotations

import json
from typing import Any

from automate_connectors.adapters.base import ConnectorAdapter, unknown_action
from automate_connectors.models import ActionSpec, ConnectorError

LEVELS = ("debug", "info", "warning", "error")


_TIMEOUT: dict[str, dict[str, Any]] = {
    "timeout_seconds": {
        "title": "Timeout",
        "type": "number",
        "minimum": 0,
        "maximum": 31_536_000,
        "description": "How long to wait.",
    },
    "on_timeout": {
        "title": "On timeout",
        "enum": ["fail", "continue"],
        "default": "fail",
        "description": "What follows when nobody answers.",
    },
}
WAITING = {
    "wait": ActionSpec(
        name="Wait",
        description="Go on after a while, or at a time. Holds no worker.",
        inputs={
            "seconds": {
                "title": "Seconds",
                "type": "number",
                "minimum": 0,
                "maximum": 31_536_000,
                "description": "How long.",
            },
            "until": {"title": "Until", "type": "string", "description": "Or a time, such as 2026-03-01T09:00:00Z."},
        },
        outputs={"waited_until": {"title": "Waited until", "type": "string"}},
        effect="read",
    ),
    "wait_for_event": ActionSpec(
        name="Wait for an event",
        description="Go on when an event of this type comes that matches; one that came since the run began counts.",
        inputs={
            "event_type": {"title": "Event type", "type": "string", "required": True, "description": "The exact type."},
            "rule": {
                "title": "Rule",
                "type": ["object", "null"],
                "description": "JSONLogic over that event's {payload, event}.",
            },
            "look_back_seconds": {
                "title": "Look back",
                "type": "number",
                "minimum": 0,
                "maximum": 31_536_000,
                "description": "Instead of since the run began.",
            },
            **_TIMEOUT,
        },
        outputs={"event": {"title": "Event", "type": "object"}, "payload": {"title": "Payload"}},
        effect="read",
    ),
    "approve": ActionSpec(
        name="Ask for approval",
        description="Go on when a person says yes; fail when one says no.",
        inputs={
            "message": {"title": "Message", "type": "string", "required": True, "description": "What is asked."},
            "approvers": {
                "title": "Approvers",
                "type": "array",
                "items": {"type": "string"},
                "description": "Who may answer: e-mail addresses, `role:admin`; nobody named: every member who may.",
            },
            **_TIMEOUT,
        },
        outputs={
            "approved": {"title": "Approved", "type": "boolean"},
            "by": {"title": "By", "type": "string"},
            "comment": {"title": "Comment", "type": "string"},
        },
        effect="read",
    ),
    "run_workflow": ActionSpec(
        name="Run a workflow",
        description="Start the live version of another workflow, past its rule; by default wait for its end.",
        inputs={
            "workflow": {"title": "Workflow", "type": "string", "required": True, "description": "Its slug."},
            "payload": {"title": "Payload", "description": "What it gets as its event's payload."},
            "wait": {
                "title": "Wait for its end",
                "type": "boolean",
                "default": True,
                "description": "Whether to wait for its end.",
            },
            **_TIMEOUT,
        },
        outputs={
            "run_id": {"title": "Run", "type": "string"},
            "status": {"title": "Status", "type": "string"},
            "outputs": {"title": "Outputs", "type": "object"},
        },
        effect="read",
    ),
}


class CoreAdapter(ConnectorAdapter):
    code = "core"
    name = "Core"
    description = "Built-in steps: log, transform, fail, wait, ask for approval, run another workflow."
    actions = {
        "log": ActionSpec(
            name="Log",
            description="Write a message to the run's log.",
            inputs={
                "message": {
                    "type": "string",
                    "title": "Message",
                    "required": True,
                    "description": "What to write.",
                    "examples": ["Order {{ payload.id }} arrived"],
                },
                "level": {"type": "string", "title": "Level", "enum": list(LEVELS), "default": "info"},
            },
            outputs={"message": {"type": "string", "title": "Message"}},
            effect="read",
        ),
        "transform": ActionSpec(
            name="Transform",
            description="Answer with `value`, or with all parameters, after templates are filled in.",
            inputs={
                "value": {
                    "title": "Value",
                    "description": "Any data; where absent, every parameter is part of the answer.",
                    "examples": [{"total": "{{ payload.amount }}"}],
                }
            },
            open_inputs=True,
            effect="read",
        ),
        "fail": ActionSpec(
            name="Fail",
            description="End the step as failed, and with it the run unless the step says otherwise.",
            inputs={
                "message": {"title": "Message", "type": "string", "required": True, "description": "Why."},
                "code": {"title": "Code", "type": "string", "default": "failed", "description": "The error's code."},
                "details": {"title": "Details", "type": "object", "description": "Data for whoever looks."},
            },
            effect="read",
        ),
        **WAITING,
    }

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """`log` → {"message"}; `transform` → `params["value"]`, or `params` itself where there is no `value`."""
        if action == "log":
            return self._log(params, context)
        if action == "transform":
            return params["value"] if set(params) == {"value"} else dict(params)
        if action == "fail":
            code, details = str(params.get("code", "failed"))[:100], params.get("details")
            raise ConnectorError(
                str(params.get("message", "")), code=code, details=details if isinstance(details, dict) else None
            )
        if action in WAITING:
            raise ConnectorError("A step that waits runs inside a workflow only.", code="not_in_a_run")
        raise unknown_action(self, action)

    async def aexecute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """The same: nothing here waits."""
        return self.execute(action, params, context)

    def _log(self, params: dict[str, Any], context: dict[str, Any]) -> dict[str, str]:
        level = params.get("level", "info")
        if level not in LEVELS:
            raise ConnectorError(f"`level` is one of {', '.join(LEVELS)}.", code="invalid_params")
        if "message" not in params:
            raise ConnectorError("`message` is required.", code="invalid_params")
        message = params["message"]
        text = message if isinstance(message, str) else json.dumps(message, default=str)
        write = context.get("log")
        if write is not None:
            write(level, text)
        return {"message": text}


ADAPTERS = (CoreAdapter,)
