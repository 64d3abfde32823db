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
import json
import math
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, ConnectorError

CANARY = "canary-7f3e9a1c-do-not-show"
UNKNOWN_ACTION = "no_such_action_7f3e"
GRACE_SECONDS = 2.0  # how much later than its limit a call may give up


class ConnectorContractTest:
    """Subclass it, set `adapter_cls`, and give sample parameters for what can be called in a test."""

    adapter_cls: ClassVar[type[ConnectorAdapter]]
    calls: ClassVar[Mapping[str, dict[str, Any]]] = {}  # action → params of a call that succeeds
    failing_calls: ClassVar[Mapping[str, dict[str, Any]]] = {}  # action → params of a call that must fail
    slow_calls: ClassVar[Mapping[str, dict[str, Any]]] = {}  # action → params of a call that outlasts any limit
    timeout_seconds: ClassVar[float] = 0.5  # the limit given to slow calls

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
                assert str(error).strip(), f"{action}: an error needs a message"

    def test_errors_hold_no_secret(self) -> None:
        for action, params in self.failing_calls.items():
            for call in self._ways():
                error = self._error_of(call, action, copy.deepcopy(params), self.make_context())
                shown = _everything_shown(error)
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


def assert_json(value: Any, message: str) -> None:
    """Fail with `message` unless `value` is strict JSON: text keys, finite numbers, no NUL, no half characters."""
    problem = _json_problem(value, "")
    assert problem is None, f"{message}: {problem}"


def _json_problem(value: Any, path: str, depth: int = 0) -> str | None:
    if depth > 64:
        return f"{path[:60]} is nested deeper than 64 levels or contains itself"
    if value is None or isinstance(value, (bool, int)):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{path or 'it'} is {value}"
    if isinstance(value, str):
        return _text_problem(value, path)
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"{path or 'it'} has the key {key!r}, which is not text"
            if problem := _text_problem(key, path) or _json_problem(item, f"{path}/{key}", depth + 1):
                return problem
        return None
    if isinstance(value, (list, tuple)):
        problems = (_json_problem(item, f"{path}/{index}", depth + 1) for index, item in enumerate(value))
        return next((problem for problem in problems if problem), None)
    return f"{path or 'it'} is a {type(value).__name__}"


def _text_problem(text: str, path: str) -> str | None:
    if "\0" in text:
        return f"{path or 'it'} holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{path or 'it'} holds half a character (a lone surrogate)"
    return None


def _everything_shown(error: BaseException | None) -> str:
    """All that logs and pages may show of an error: text, attributes, and the errors it came from."""
    shown: list[str] = []
    while error is not None and len(shown) < 60:
        details = getattr(error, "details", None)
        shown += [str(error), repr(error), repr(error.args), repr(details), json.dumps(details, default=repr)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(shown)


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


__all__ = ["CANARY", "ConnectorContractTest", "assert_json"]
