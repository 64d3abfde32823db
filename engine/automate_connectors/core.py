"""The connector `core`: steps that touch nothing outside: write a line to the run's log, or shape data."""

from __future__ import annotations

import json
from typing import Any

from automate_connectors.adapters.base import ConnectorAdapter, unknown_action
from automate_connectors.models import ActionSpec, ConnectorError

LEVELS = ("debug", "info", "warning", "error")


class CoreAdapter(ConnectorAdapter):
    code = "core"
    name = "Core"
    description = "Built-in steps: log a message, transform data."
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
    }

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """`log` → {"message"}; `transform` → `params["value"]`, or `params` itself where there is no `value`."""
        if action == "log":
            return self._log(params, context)
        if action == "transform":
            return params["value"] if set(params) == {"value"} else dict(params)
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
