"""The report of a dry run: the decision, and the path with what each step was given and gave. All of it is redacted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

STATUSES = ("succeeded", "failed", "skipped", "unknown", "cancelled", "not_run")


@dataclass
class DryStep:
    """One step, or one item of a fan-out (items count from 1).

    `status`: succeeded (it would run, and is taken to succeed where no answer says otherwise), failed, skipped (its
    `when` is false), cancelled, not_run, or unknown: it needs a value that nobody knows, `needs`.
    """

    step: str
    item: int
    kind: str  # step, handler, compensation, finally
    connector: str
    action: str
    status: str = "not_run"
    attempts: int = 0
    input: Any = None  # params with templates filled in; secret references stand
    request: dict[str, Any] | None = None  # what would be sent: connector, action, effect, params
    output: Any = None
    output_from: str | None = None  # stub, recorded, sample, spec; run: worked out as a real run does; unknown
    recorded_run_id: UUID | None = None
    same_request: bool | None = None  # recorded: whether the recorded call was the same
    error: dict[str, Any] | None = None
    needs: str | None = None
    denied: list[dict[str, str]] = field(default_factory=list)  # policy: code, message
    waits: dict[str, Any] | None = None  # kind, and until when or for what
    items: int | None = None  # of a fan-out: how many
    is_assumed: bool = False  # it follows something unknown, so it may be otherwise
    logs: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Decided:
    """Whether the event would start the workflow. `explain` is the rule's tree, masked."""

    matches: bool
    reason: str
    failed_at: str = ""
    explain: dict[str, Any] | None = None


@dataclass
class DryRun:
    """`status` of the run: succeeded, failed, cancelled, held, stopped (a limit was reached); None: it would not start.

    `is_certain` is false where something unknown was met: the path may then be another.
    """

    decision: Decided
    event: dict[str, Any]
    status: str | None = None
    is_certain: bool = True
    error: dict[str, Any] | None = None
    steps: list[DryStep] = field(default_factory=list)
    waited_seconds: float = 0.0  # that a real run would wait for timers and retries
    limit: str | None = None  # why it was stopped before its end
    recorded_run_id: UUID | None = None

    def step(self, step_id: str, item: int = 0) -> DryStep:
        """Raises KeyError, naming the steps there are."""
        for one in self.steps:
            if (one.step, one.item) == (step_id, item):
                return one
        raise KeyError(
            f"no step {step_id!r}, item {item}; there are {[one.step for one in self.steps if not one.item]}"
        )

    @property
    def path(self) -> dict[str, str]:
        """Step → status, items left out, steps that did not run left out."""
        return {one.step: one.status for one in self.steps if not one.item and one.status != "not_run"}

    @property
    def unknown(self) -> list[str]:
        """The paths that were needed and not known."""
        return sorted({one.needs for one in self.steps if one.needs})

    def as_dict(self) -> dict[str, Any]:
        """As JSON data."""
        told: dict[str, Any] = _plain({**asdict(self), "path": self.path, "unknown": self.unknown})
        return told


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, UUID) else value
