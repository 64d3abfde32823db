"""The contract between the engine and every connector. Source: seeds, "Core Contracts"."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from automate_connectors.models import ActionSpec, ConnectorError


class ConnectorAdapter(ABC):
    """One outside system. One instance serves every run and several threads at once, so it keeps no call's state.

    `context` holds `trace_id` (32 hex), `traceparent`, `run_id`, `step_id`, `attempt` (from 1), `idempotency_key`
    (32 hex, the same on every attempt of a step), `timeout_seconds`, `secrets` ({name: value}, only those referenced)
    and `log(level, message)`. A test or a script may pass less.

    An adapter that can wait without a thread also has
    `async def aexecute(self, action, params, context)`; the engine prefers it where it exists.
    """

    code: ClassVar[str]  # unique identifier
    name: ClassVar[str]  # human readable label
    description: ClassVar[str] = ""
    actions: ClassVar[Mapping[str, ActionSpec]] = {}
    connection: ClassVar[ActionSpec | None] = None  # what `test` takes; None: there is nothing to be tested

    @abstractmethod
    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """Execute the side effect; answer with data that JSON can hold. Must raise ConnectorError on failure."""

    def validate_config(self, config: dict[str, Any]) -> None:  # noqa: B027  # optional, so not abstract
        """Optional: validate set-up configuration; raise ConnectorError saying what is wrong."""

    def test(self, params: dict[str, Any], context: dict[str, Any]) -> str:
        """Optional: reach the other side and change nothing there; one sentence says who answered.

        `params` as `connection` describes them. Raises ConnectorError saying what stands in the way.
        """
        raise unknown_action(self, "test")


def unknown_action(adapter: ConnectorAdapter, action: str) -> ConnectorError:
    """The error every adapter raises for an action it does not have."""
    return ConnectorError(
        f"{adapter.name} has no action {action!r}.", code="unknown_action", details={"known": sorted(adapter.actions)}
    )
