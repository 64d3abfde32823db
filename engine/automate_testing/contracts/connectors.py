"""What every connector must hold to, as tests that a plugin's author inherits.

    class TestMyERP(ConnectorContractTest):
        adapter_cls = MyERPAdapter
        calls = {"create_order": {"customer_id": "c1", "items": []}}   # params that work against your test server
        failing_calls = {"create_order": {"customer_id": "nobody"}}    # params that must end in a ConnectorError

Each test names the promise it checks in its message. Source: seeds, "Testing Your Plugins".
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, ConnectorError
from automate_testing.contracts.json_values import assert_json
from automate_testing.contracts.leaks import CANARY, everything_shown
from automate_testing.contracts.schemas import assert_described, assert_fits

UNKNOWN_ACTION = "no_such_action_7f3e"
TRIES = 3  # a machine may stand still for one call; a connector that blocks does so each time
MIN_TURNS = 5  # a loop that is free turns hundreds of times in half a second
GRACE_SECONDS = 2.0  # how much later than its limit a call may give up


class ConnectorContractTest:
    """Subclass it, set `adapter_cls`, and give sample parameters for what can be called in a test."""

    adapter_cls: ClassVar[type[ConnectorAdapter]]
    calls: ClassVar[Mapping[str, dict[str, Any]]] = {}  # action → params of a call that succeeds
    failing_calls: ClassVar[Mapping[str, dict[str, Any]]] = {}  # action → params of a call that must fail
    slow_calls: ClassVar[Mapping[str, dict[str, Any]]] = {}  # action → params of a call that outlasts any limit
    timeout_seconds: ClassVar[float] = 0.5  # the limit given to slow calls
    configs: ClassVar[Sequence[dict[str, Any]]] = ()  # set-ups that `validate_config` takes
    bad_configs: ClassVar[Sequence[dict[str, Any]]] = ()  # and those it must refuse

    def make_adapter(self) -> ConnectorAdapter:
        """The adapter under test; override to hand it what it needs."""
        return self.adapter_cls()

    def make_context(self, **changes: Any) -> dict[str, Any]:
        """A call's context as the engine makes it; override to add what your sample calls need."""
        return {
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "run_id": "01920c5e-7b5e-7c1a-9d1e-0123456789ab",
            "step_id": "contract",
            "attempt": 1,
            "idempotency_key": "5d41402abc4b2a76b9719d911017c592",
            "idempotent": False,
            "timeout_seconds": 30.0,
            "secrets": {"API_KEY": CANARY},
            "log": lambda level, message: None,
        } | changes

    def test_it_has_a_code_and_a_name(self) -> None:
        for attribute in ("code", "name"):
            value = getattr(self.adapter_cls, attribute, None)
            assert isinstance(value, str) and value.strip(), f"`{attribute}` must be text that is not empty"
        assert self.adapter_cls.code == self.adapter_cls.code.strip(), "`code` must not begin or end with a space"
        assert issubclass(self.adapter_cls, ConnectorAdapter)

    def test_its_actions_are_described(self) -> None:
        assert self.adapter_cls.actions, "an adapter without actions can do nothing"
        for action, spec in self.adapter_cls.actions.items():
            assert isinstance(spec, ActionSpec), f"{action}: must be an ActionSpec"
            assert spec.effect in ("read", "write", "irreversible"), f"{action}: unknown effect {spec.effect!r}"
            assert spec.idempotency in ("native", "check", "none"), f"{action}: unknown idempotency"
            for fields in (spec.inputs, spec.outputs):
                assert all(isinstance(field, Mapping) for field in fields.values()), f"{action}: fields are objects"
                assert_json(
                    dict(fields), f"{action}: inputs and outputs must be JSON, the portal draws forms from them"
                )

    def test_its_forms_can_be_drawn(self) -> None:
        for action, spec in self.adapter_cls.actions.items():
            for name, field in (*spec.inputs.items(), *spec.outputs.items()):
                assert_described(f"{action}: `{name}`", field)
            window = spec.native_window_seconds
            assert window is None or (spec.idempotency == "native" and window > 0), (
                f"{action}: native_window_seconds says how long the receiver keeps keys; only `native` has one"
            )

    def test_samples_fit_the_declared_inputs_and_outputs(self) -> None:
        for action, params in self.calls.items():
            spec = self.adapter_cls.actions[action]
            assert_fits(f"{action}: the sample's params and the declared inputs differ", params, spec.inputs,
                        is_open=spec.open_inputs, needs_all=True)  # fmt: skip
            for call in self._ways():
                output = call(action, copy.deepcopy(params), self.make_context())
                if spec.outputs:
                    assert isinstance(output, Mapping), f"{action}: outputs are declared, so the output is an object"
                    assert_fits(f"{action}: the output and the declared outputs differ", output, spec.outputs,
                                is_open=True, needs_all=False)  # fmt: skip

    def test_it_says_whether_a_call_may_be_repeated(self) -> None:
        for action, params in self.calls.items():
            given = copy.deepcopy(params)
            for step in ({"id": "s", "idempotent": False}, {"id": "s", "idempotent": True}):
                answer = self.adapter_cls.actions[action].may_repeat(given, step)
                assert isinstance(answer, bool), f"{action}: `repeatable` must answer True or False, not {answer!r}"
            assert given == params, f"{action}: `repeatable` changed the parameters"

    def test_configurations_are_checked(self) -> None:
        adapter = self.make_adapter()
        for config in self.configs:
            given = copy.deepcopy(config)
            adapter.validate_config(given)
            assert given == config, "`validate_config` changed the configuration"
        for config in self.bad_configs:
            error: BaseException | None = None
            try:
                adapter.validate_config(copy.deepcopy(config))
            except Exception as raised:
                error = raised
            assert isinstance(error, ConnectorError), f"`validate_config` must refuse {sorted(config)}, not {error!r}"

    def test_samples_name_actions_that_exist(self) -> None:
        for samples in (self.calls, self.failing_calls, self.slow_calls):
            assert set(samples) <= set(self.adapter_cls.actions), "a sample names an action that is not declared"

    def test_an_unknown_action_is_an_error(self) -> None:
        for call in self._ways():
            error = self._error_of(call, UNKNOWN_ACTION, {}, self.make_context())
            assert isinstance(error, (ConnectorError, NotImplementedError)), (
                f"an unknown action must raise ConnectorError or NotImplementedError, not {error!r}"
            )

    def test_outputs_are_json_and_parameters_stay_as_they_were(self) -> None:
        for action, params in self.calls.items():
            for call in self._ways():
                given, context = copy.deepcopy(params), self.make_context()
                secrets = dict(context["secrets"])
                output = call(action, given, context)
                assert_json(output, f"{action}: the output must be JSON")
                assert given == params, f"{action}: the adapter changed its parameters; a retry would send others"
                assert context["secrets"] == secrets, f"{action}: the adapter changed the secrets"

    def test_failures_raise_connector_errors(self) -> None:
        for action, params in self.failing_calls.items():
            for call in self._ways():
                given = copy.deepcopy(params)
                error = self._error_of(call, action, given, self.make_context())
                assert error is not None, f"{action}: the failure was swallowed; it must raise ConnectorError"
                assert isinstance(error, ConnectorError), f"{action}: raised {type(error).__name__}, not ConnectorError"
                assert given == params, f"{action}: the adapter changed its parameters; a retry would send others"
                assert_json(error.details, f"{action}: an error's details must be JSON")
                assert isinstance(error.code, str) and error.code, f"{action}: an error needs a code"
                assert not (error.retryable and error.in_doubt), (
                    f"{action}: an error cannot say both that a repeat is safe and that it may have happened"
                )
                assert str(error).strip(), f"{action}: an error needs a message"

    def test_errors_hold_no_secret(self) -> None:
        for action, params in self.failing_calls.items():
            for call in self._ways():
                error = self._error_of(call, action, copy.deepcopy(params), self.make_context())
                shown = everything_shown(error)
                assert CANARY not in shown, f"{action}: the error shows the secret's value"

    def test_the_time_limit_is_kept(self) -> None:
        for action, params in self.slow_calls.items():
            for call in self._ways():
                context = self.make_context(timeout_seconds=self.timeout_seconds)
                error, took = _timed(call, action, copy.deepcopy(params), context, self.timeout_seconds + GRACE_SECONDS)
                assert took <= self.timeout_seconds + GRACE_SECONDS, (
                    f"{action}: still running {took:.1f} s after the start; context['timeout_seconds'] is the limit"
                )
                assert isinstance(error, ConnectorError), (
                    f"{action}: a time-out must raise ConnectorError, not {error!r}"
                )

    def test_it_does_not_block_the_event_loop(self) -> None:
        adapter = self.make_adapter()
        native = getattr(adapter, "aexecute", None)
        for action, params in self.slow_calls.items() if native is not None else ():
            for _ in range(TRIES):
                context = self.make_context(timeout_seconds=self.timeout_seconds)
                turns = asyncio.run(_turns_during(native, action, copy.deepcopy(params), context))
                if turns >= MIN_TURNS:
                    break
            assert turns >= MIN_TURNS, (
                f"{action}: `aexecute` blocks the event loop while it waits; every other run of the worker stood still"
            )

    def test_one_instance_serves_several_threads(self) -> None:
        adapter = self.make_adapter()
        for action, params in self.calls.items():
            errors: list[BaseException] = []

            def call(action: str = action, params: dict[str, Any] = params, errors: list[Any] = errors) -> None:
                try:
                    adapter.execute(action, copy.deepcopy(params), self.make_context())
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=call) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)
            assert not errors, f"{action}: failed when called from several threads: {errors[0]!r}"

    def _ways(self) -> list[Any]:
        """The adapter's two doors: `execute`, and `aexecute` where it has one."""
        adapter = self.make_adapter()
        ways: list[Any] = [adapter.execute]
        native = getattr(adapter, "aexecute", None)
        if native is not None:
            assert inspect.iscoroutinefunction(native), "`aexecute` must be an async function"
            ways.append(lambda action, params, context: asyncio.run(native(action, params, context)))
        return ways

    @staticmethod
    def _error_of(call: Any, action: str, params: dict[str, Any], context: dict[str, Any]) -> BaseException | None:
        try:
            call(action, params, context)
        except (KeyboardInterrupt, SystemExit, pytest.fail.Exception):
            raise
        except BaseException as error:
            return error
        return None


def _timed(
    call: Any, action: str, params: dict[str, Any], context: dict[str, Any], patience_seconds: float
) -> tuple[BaseException | None, float]:
    """The call's error and seconds; waits no longer than `patience_seconds`, whatever the adapter does."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            call(action, params, context)
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    started = time.monotonic()
    thread.start()
    thread.join(timeout=patience_seconds + 0.1)
    took = time.monotonic() - started
    return (outcome[0] if outcome else None), took


async def _turns_during(native: Any, action: str, params: dict[str, Any], context: dict[str, Any]) -> int:
    """How often the event loop turned while the call was waiting."""
    task = asyncio.ensure_future(native(action, params, context))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    await asyncio.gather(task, return_exceptions=True)
    return turns
