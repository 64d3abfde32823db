from __future__ import annotations

import os
from typing import Any, ClassVar

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, ConnectorError


class WhereAdapter(ConnectorAdapter):
    code = "where"
    name = "Where it runs, for tests"
    actions: ClassVar = {
        "tell": ActionSpec(effect="read", outputs={"pid": {"type": "integer"}}),
        "refuse": ActionSpec(effect="read"),
        "break": ActionSpec(effect="read"),
        "die": ActionSpec(effect="write"),
    }

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        context["log"]("info", f"{action} of attempt {context['attempt']}")
        if action == "refuse":
            raise ConnectorError("Not today.", code="closed", details={"until": "tomorrow"})
        if action == "break":
            raise KeyError("a mistake of the connector")
        if action == "die":
            os._exit(9)
        return {"pid": os.getpid()}
