"""Judging a step: what an answer, an error, a timeout or a crash means for the step that had it.

The rule of effects (concepts page, "Idempotency"): a step that reads, or whose receiver honours keys or can be asked,
may be repeated; any other write is done at most once. An attempt of such a write that may have happened and cannot be
proven either way is *unknown*: parked for a person, never silently repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automate.definitions import RetryPolicy
from automate.execution.backoff import retry_delay, with_jitter
from automate.policy.decision import MustWait
from automate_connectors.models import ConnectorError, ConnectorWait
from automate_governance.egress import EgressPaced
from automate_governance.errors import NormalizedError


@dataclass(frozen=True)
class Done:
    """The connector's answer, as plain data."""

    output: Any


@dataclass(frozen=True)
class RetryLater:
    """It failed, a repeat is safe, and the policy has attempts left."""

    delay_seconds: float
    error: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """It failed for good."""

    error: dict[str, Any]


@dataclass(frozen=True)
class Unknown:
    """It may have happened. Nobody repeats it but a person."""

    error: dict[str, Any]


@dataclass(frozen=True)
class Postponed:
    """Nothing was sent: it is not its turn yet. It goes on as the same attempt."""

    delay_seconds: float
    error: dict[str, Any]


Outcome = Done | RetryLater | Failed | Unknown | Postponed


class StepTimeout(Exception):
    """The step's own time limit passed."""


class StepRefused(NormalizedError):
    """The step never reached its connector: its inputs or the policy stood in the way. Repeating it is safe but
    useless.
    """

    code, http_status = "step_refused", 422


def is_in_doubt(error: BaseException) -> bool:
    """Whether the effect may have happened: a time-out, a lost reply, an exception nobody classified."""
    if isinstance(error, ConnectorError):
        return error.in_doubt
    return not isinstance(error, (NormalizedError, NotImplementedError))


def judge_error(error: BaseException, *, attempt: int, policy: RetryPolicy, repeatable: bool) -> Outcome:
    """What an exception out of a connector means.

    A ConnectorError's `retryable` is the adapter's word that a repeat is safe. An error in doubt, a timeout or an
    unclassified exception after the call began is safe to repeat only where any repeat is. `policy.retry_on` narrows
    what is tried again; it never makes a repeat safe.
    """
    shown = describe(error)
    if isinstance(error, MustWait):
        return Postponed(error.seconds, {**shown, "retryable": True})
    is_early = isinstance(error, ConnectorWait) or shown["code"] == EgressPaced.code
    if is_early and isinstance(error, ConnectorError):
        return Postponed(float(error.retry_after or 1.0), shown)
    if is_in_doubt(error):
        if not repeatable:
            return unknown(shown)
        shown = {**shown, "in_doubt": True}
    elif not _is_worth_a_retry(error, policy, repeatable=repeatable):
        return Failed(shown)
    if attempt >= policy.attempts or (policy.retry_on and shown["code"] not in policy.retry_on):
        return Failed(shown)
    delay = with_jitter(
        retry_delay(attempt, base_seconds=policy.base_seconds, factor=policy.factor, cap_seconds=policy.cap_seconds)
    )
    asked = getattr(error, "retry_after", None)
    return RetryLater(max(delay, float(asked)) if asked else delay, shown)


def unknown(shown: dict[str, Any]) -> Unknown:
    """An error in doubt where a repeat is not safe."""
    return Unknown({**shown, "code": "effect_unknown", "details": {**shown["details"], "cause": shown["code"]}})


def _is_worth_a_retry(error: BaseException, policy: RetryPolicy, *, repeatable: bool) -> bool:
    """Of an error without doubt: the adapter says so, or the author does by its code and a repeat is safe."""
    if not isinstance(error, ConnectorError):
        return False
    return error.retryable or (repeatable and error.code in policy.retry_on)


def describe(error: BaseException) -> dict[str, Any]:
    """An error as data: code, message, details, retryable. Not yet redacted."""
    if isinstance(error, ConnectorError):
        return _error(error.code, str(error), dict(error.details or {}), retryable=error.retryable)
    if isinstance(error, NormalizedError):
        return _error(error.code, error.message, error.details, retryable=False)
    if isinstance(error, StepTimeout):
        return _error("step_timeout", str(error), {}, retryable=True)
    kind = type(error).__name__
    return _error("connector_crashed", f"The connector raised {kind}: {error}", {"exception": kind}, retryable=True)


def crash_unknown(step_id: str) -> dict[str, Any]:
    """The error of an attempt whose worker stopped in the middle of a write that must not be repeated."""
    return _error(
        "effect_unknown",
        f"The worker stopped while “{step_id}” was being sent, so it may or may not have happened. "
        "Check at the receiver, then mark it as done or run it again.",
        {"cause": "worker_crashed"},
        retryable=False,
    )


def crash_repeated() -> dict[str, Any]:
    """The error of an attempt whose worker stopped, where a repeat is safe and follows."""
    error = _error("worker_crashed", "The worker stopped during this attempt; it is repeated.", {}, retryable=True)
    return {**error, "in_doubt": True}


def _error(code: str, message: str, details: dict[str, Any], *, retryable: bool) -> dict[str, Any]:
    return {"code": code, "message": message, "details": details, "retryable": retryable}
