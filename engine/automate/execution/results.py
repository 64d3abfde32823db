"""What the steps of a run gave: real values for templates, redacted ones for whoever looks, and how much it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from automate.execution.schedule import Unit
from automate.jsontext import dumps, loads
from automate_governance.errors import NormalizedError

MAX_OUTPUT_BYTES = 1_048_576  # of one step or item, as JSON
MAX_STATE_BYTES = 16_777_216  # of all of a run
NOT_RUN: dict[str, Any] = {"status": "not_run", "output": None, "error": None}


class OutputTooLarge(NormalizedError):
    """The step's answer is larger than a step may keep. What it did stays done."""

    code, http_status = "output_too_large", 422


class StateTooLarge(NormalizedError):
    """The answers of the run's steps together are larger than a run may keep."""

    code, http_status = "state_too_large", 422


@dataclass
class Results:
    """`context` is what templates and rules see as `steps`; nothing in it is ever changed, only replaced."""

    context: dict[str, dict[str, Any]] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)  # fan-outs that have begun: their items
    items: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)  # fan-out → item → its result
    size: int = 0  # bytes
    _shown: dict[str, str] = field(default_factory=dict)  # step → redacted output, as JSON text
    _shown_items: dict[str, dict[int, str]] = field(default_factory=dict)

    def check(self, text: str) -> None:
        """Raise OutputTooLarge or StateTooLarge when an output of this JSON text cannot be kept."""
        size = len(text.encode())
        if size > MAX_OUTPUT_BYTES:
            raise OutputTooLarge(
                f"The step answered {size:,} bytes; at most {MAX_OUTPUT_BYTES:,} are kept. What it did stays done.",
                details={"bytes": size, "limit": MAX_OUTPUT_BYTES},
            )
        if self.size + size > MAX_STATE_BYTES:
            raise StateTooLarge(
                f"With this answer the run holds {self.size + size:,} bytes; at most {MAX_STATE_BYTES:,} are kept.",
                details={"bytes": self.size + size, "limit": MAX_STATE_BYTES},
            )

    def succeeded(self, unit: Unit, output: Any, shown: str, size: int) -> None:
        self.size += size
        if unit.item:
            self.items.setdefault(unit.step, {})[unit.item] = {"status": "succeeded", "output": output}
            self._shown_items.setdefault(unit.step, {})[unit.item] = f'{{"status":"succeeded","output":{shown}}}'
        else:
            self._step(unit.step, "succeeded", output=output, shown=shown)

    def failed(self, unit: Unit, status: str, error: dict[str, Any] | None, shown: dict[str, Any] | None) -> None:
        """`error` as handlers see it, `shown` redacted."""
        if unit.item:
            self.items.setdefault(unit.step, {})[unit.item] = {"status": status, "error": error}
            self._shown_items.setdefault(unit.step, {})[unit.item] = dumps({"status": status, "error": shown})
        else:
            self._step(unit.step, status, error=error)

    def skipped(self, step_id: str) -> None:
        self._step(step_id, "skipped", shown="null")

    def fanned_in(self, step_id: str, status: str) -> str:
        """The fan-out has ended: its output is the list of results. Returns it redacted, as JSON text."""
        size = len(self.lists[step_id])
        made, shown = self.items.get(step_id, {}), self._shown_items.get(step_id, {})
        output = [made.get(item, {"status": "not_run"}) for item in range(1, size + 1)]
        text = "[" + ",".join(shown.get(item, '{"status":"not_run"}') for item in range(1, size + 1)) + "]"
        self._step(step_id, status, output=output, shown=text, error=_first_error(output))
        return text

    def shown(self) -> str:
        """Every redacted output by its step, as JSON text."""
        return "{" + ",".join(f"{dumps(step_id)}:{text}" for step_id, text in self._shown.items()) + "}"

    def shown_values(self) -> dict[str, Any]:
        return {step_id: loads(text) for step_id, text in self._shown.items()}

    def _step(
        self, step_id: str, status: str, *, output: Any = None, shown: str = "", error: dict[str, Any] | None = None
    ) -> None:
        self.context[step_id] = {"status": status, "output": output, "error": error}
        if shown:
            self._shown[step_id] = shown


def _first_error(results: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((result["error"] for result in results if result.get("error")), None)
