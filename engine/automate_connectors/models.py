"""What a connector says about its actions, and how it says that a call went wrong.

Source: seeds, "Building Custom Connectors"; effects and idempotency: the platform's architecture, "Semantics settled".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from automate_governance.errors import NormalizedError

Effect = Literal["read", "write", "irreversible"]
Idempotency = Literal["native", "check", "none"]


@dataclass(frozen=True)
class ActionSpec:
    """One action: its form (`inputs`, `outputs`: name → JSON Schema of one field) and what repeating it would do.

    `effect`: `read` changes nothing; `write` changes something; `irreversible` cannot be undone by a second call.
    `idempotency`: `native` the receiver honours our idempotency key, for `native_window_seconds` (None: for ever);
    `check` the adapter can look whether it happened; `none` a repeat may do it twice.
    `repeatable(params, step)`, when given, decides for one call instead: params resolved, `step` as in the definition.
    """

    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    effect: Effect = "write"
    idempotency: Idempotency = "none"
    native_window_seconds: int | None = None
    repeatable: Callable[[dict[str, Any], dict[str, Any]], bool] | None = None
    open_inputs: bool = False  # takes params beside those in `inputs`
    name: str = ""  # shown to people; the action's code where empty
    description: str = ""

    def may_repeat(self, params: dict[str, Any], step: dict[str, Any]) -> bool:
        """Whether an attempt that may have happened can safely be made again.

        >>> ActionSpec().may_repeat({}, {}), ActionSpec(effect="read").may_repeat({}, {})
        (False, True)
        """
        if self.repeatable is not None:
            return self.repeatable(params, step)
        return self.effect == "read" or self.idempotency != "none"


class ConnectorError(NormalizedError):
    """The call failed, and the adapter knows something about it.

    `retryable`: the adapter's word that a repeat is safe: nothing happened, or a second time does no harm.
    `in_doubt`: the effect may have happened and the adapter cannot tell (a reply lost on the way). An engine repeats
    such a call only when the action `may_repeat`; otherwise the step ends as *unknown*, for a person to settle.
    `retry_after`: seconds the other side asked us to wait. `code` is stable, `message` for people, `details` data.
    """

    code, http_status = "connector_error", 502

    def __init__(
        self,
        message: str,
        retryable: bool = False,
        code: str = "connector_error",
        retry_after: float | None = None,
        details: dict[str, Any] | None = None,
        *,
        in_doubt: bool = False,
    ):
        super().__init__(message, details=details)
        self.retryable = retryable
        self.code = code
        self.retry_after = retry_after
        self.in_doubt = in_doubt


class ConnectorWait(ConnectorError):
    """Not yet: nothing was sent, and no attempt is used up. The step is called again after `retry_after` seconds."""

    def __init__(self, message: str, *, code: str, retry_after: float, details: dict[str, Any] | None = None):
        super().__init__(message, retryable=True, code=code, retry_after=retry_after, details=details)


class UnknownConnector(NormalizedError):
    """No connector is registered under this code."""

    code, http_status = "unknown_connector", 422


class DuplicateConnector(ValueError):
    """Two different classes claim one connector code: a mistake of the installation, found at start."""
