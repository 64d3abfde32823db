"""A connector for tests: each action plays one kind of outside system, and remembers how it was called."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec


class ScriptedAdapter(ConnectorAdapter):
    """`script` says what a call does: it gets (params, context) and returns or raises. Set it, then run."""

    code = "scripted"
    name = "Scripted, for tests"
    actions: ClassVar = {
        "read": ActionSpec(effect="read", open_inputs=True),
        "write": ActionSpec(effect="write", idempotency="none", open_inputs=True),
        "windowed": ActionSpec(effect="write", idempotency="native", native_window_seconds=3600, open_inputs=True),
        "keyed": ActionSpec(effect="write", idempotency="native", open_inputs=True),
    }
    script: ClassVar[Callable[[dict[str, Any], dict[str, Any]], Any]] = staticmethod(lambda params, context: params)
    calls: ClassVar[list[tuple[str, str, int]]] = []  # (step id, idempotency key, attempt)
    _lock: ClassVar = threading.Lock()

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        with self._lock:
            self.calls.append((context["step_id"], context["idempotency_key"], context["attempt"]))
        return type(self).script(params, context)
