"""A connector whose actions are HTTP calls. Written once, it runs with a thread (`execute`) and without (`aexecute`).

An action is a *plan*: a generator that yields a `Call`, is handed the `Reply`, may yield another, and returns the
output. It does no input or output itself, so pages, tokens and look-ups before a write are plain loops in it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any, ClassVar

from automate_connectors.adapters.base import ConnectorAdapter, unknown_action
from automate_connectors.inputs import checked
from automate_connectors.models import ActionSpec
from automate_connectors.web.call import Call
from automate_connectors.web.failures import lost
from automate_governance.clock import Clock, SystemClock
from automate_governance.egress import Egress, EgressError, EgressPolicy, Reply, default_policy
from automate_governance.egress.bridge import exchange

Plan = Generator[Call, Reply, Any]
DEFAULT_SECONDS = 60.0


class WebConnector(ConnectorAdapter):
    """Give it a method `plan_<action>(params, context)` for each action; params are checked, defaults filled in.

    `config`: the fields that a connection is set up with. All calls of one plan share the step's time.
    """

    config: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, clock: Clock | None = None):
        self.clock = clock or SystemClock()

    def plan(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        """The calls of one action. Raises ConnectorError, at once or on the way."""
        spec = self.actions.get(action)
        if spec is None:
            raise unknown_action(self, action)
        plan: Plan = getattr(self, f"plan_{action}")(checked(spec, params), context)
        return plan

    def validate_config(self, config: dict[str, Any]) -> None:
        """Raise ConnectorError (`invalid_params`) naming the first field of a connection that does not fit."""
        checked(ActionSpec(inputs=self.config), config)

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """Carry out the plan and wait for it. Raises ConnectorError."""
        return self._carry_out(self.plan(action, params, context), context)

    def plan_test(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        """The calls of a test, which change nothing; returns the sentence. For connectors with a `connection`."""
        raise unknown_action(self, "test")

    def test(self, params: dict[str, Any], context: dict[str, Any]) -> str:
        if self.connection is None:
            raise unknown_action(self, "test")
        return str(self._carry_out(self.plan_test(checked(self.connection, params), context), context))

    def _carry_out(self, plan: Plan, context: dict[str, Any]) -> Any:
        egress, deadline = egress_of(context), _Deadline(context)
        try:
            call = next(plan)
            while True:
                try:
                    reply = exchange(egress, call.method, call.url, **deadline.options(call))
                except EgressError as error:
                    raise lost(error, is_safe=call.is_safe, had_effect=call.had_effect) from error
                call = plan.send(reply)
        except StopIteration as end:
            return end.value
        finally:
            plan.close()

    async def aexecute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """As `execute`, without a thread."""
        egress, deadline = egress_of(context), _Deadline(context)
        plan = self.plan(action, params, context)
        try:
            call = next(plan)
            while True:
                try:
                    reply = await egress.request(call.method, call.url, **deadline.options(call))
                except EgressError as error:
                    raise lost(error, is_safe=call.is_safe, had_effect=call.had_effect) from error
                call = plan.send(reply)
        except StopIteration as end:
            return end.value
        finally:
            plan.close()


def egress_of(context: Mapping[str, Any]) -> Egress:
    """The way out that the engine put into the context, or the installation's own, which is strict."""
    given = context.get("egress")
    if isinstance(given, Egress):
        return given
    policy = given if isinstance(given, EgressPolicy) else default_policy()
    return Egress(policy, pool_key=str(context.get("pool_key") or ""))


class _Deadline:
    """The step's time, shared by all calls of a plan. A call ends before the step does, and says how far it came."""

    def __init__(self, context: Mapping[str, Any]):
        self._ends = time.monotonic() + 0.98 * float(context.get("timeout_seconds") or DEFAULT_SECONDS)

    def options(self, call: Call) -> Any:
        left = max(0.001, self._ends - time.monotonic())
        return {
            "headers": call.headers,
            "body": call.body,
            "timeout_seconds": left if call.timeout_seconds is None else min(left, call.timeout_seconds),
            "max_body_bytes": call.max_body_bytes,
        }
