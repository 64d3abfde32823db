"""The contract tests pass for the built-ins, and each catches the fault it is there for."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.core import CoreAdapter
from automate_connectors.http import HttpAdapter
from automate_connectors.models import ActionSpec, ConnectorError
from automate_testing.contracts import CANARY, ConnectorContractTest

from .http_server import running


class TestCoreConnector(ConnectorContractTest):
    adapter_cls = CoreAdapter
    calls: ClassVar = {"log": {"message": "hi"}, "transform": {"value": {"a": [1, None]}}}
    failing_calls: ClassVar = {"log": {"level": "loud", "message": "hi"}}


class TestHttpConnector(ConnectorContractTest):
    adapter_cls = HttpAdapter

    @pytest.fixture(autouse=True)
    def _server(self):
        with running() as server:
            self.server = server
            self.calls = {"request": {"method": "POST", "url": f"{server.url}/x", "json": {"a": [1]}}}
            self.failing_calls = {
                "request": {"url": f"{server.url}/x?status=500", "headers": {"Authorization": f"Bearer {CANARY}"}}
            }
            self.slow_calls = {"request": {"url": f"{server.url}/slow"}}
            yield

    def make_context(self, **changes: Any) -> dict[str, Any]:
        return super().make_context(egress=self.server.policy, **changes)


class Good(ConnectorAdapter):
    """The connector that the faulty ones below are each one change away from."""

    code = "good"
    name = "Good"
    actions: ClassVar = {
        "send": ActionSpec(inputs={"to": {"type": "string"}, "items": {}}, outputs={"id": {"type": "integer"}})
    }

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        if action != "send":
            raise NotImplementedError(action)
        if params.get("to") == "nobody":
            raise ConnectorError("There is nobody.", code="no_receiver", details={"to": "nobody"})
        if params.get("to") == "slow":
            threading.Event().wait(context["timeout_seconds"])
            raise ConnectorError("No answer in time.", code="timeout")
        return {"id": 1}


class NoCode(Good):
    code = ""


class NoName(Good):
    name = None


class NoActions(Good):
    actions: ClassVar = {}


class UnshowableForm(Good):
    actions: ClassVar = {"send": ActionSpec(inputs={"to": {"type": str}})}


class UnknownEffect(Good):
    actions: ClassVar = {"send": ActionSpec(effect="maybe")}


class AnyActionWillDo(Good):
    def execute(self, action, params, context):
        return super().execute("send", params, context)


class SwallowsErrors(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError as error:
            return {"error": str(error)}


class RaisesItsOwn(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError as error:
            raise ValueError(str(error)) from None


class LeaksInMessage(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError:
            raise ConnectorError(f"Login with {context['secrets']['API_KEY']} failed.") from None


class LeaksInDetails(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError:
            raise ConnectorError("Failed.", details={"request": {"key": context["secrets"]["API_KEY"]}}) from None


class LeaksInCause(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError as error:
            raise ConnectorError("Failed.") from ValueError(context["secrets"]["API_KEY"], error)


class IgnoresTimeout(Good):
    def execute(self, action, params, context):
        if params.get("to") == "slow":
            threading.Event().wait(20)
        return super().execute(action, params, context)


class ChangesParams(Good):
    def execute(self, action, params, context):
        params["sent"] = True
        return super().execute(action, params, context)


class ChangesParamsDeep(Good):
    def execute(self, action, params, context):
        params.get("items", []).append(1)
        return super().execute(action, params, context)


class ChangesSecrets(Good):
    def execute(self, action, params, context):
        context["secrets"].clear()
        return super().execute(action, params, context)


def answering(output: Any) -> type[Good]:
    class Answers(Good):
        def execute(self, action, params, context):
            super().execute(action, params, context)
            return output

    return Answers


class NotThreadSafe(Good):
    def __init__(self) -> None:
        self._owner = threading.get_ident()

    def execute(self, action, params, context):
        if threading.get_ident() != self._owner:
            raise RuntimeError("made in another thread")
        return super().execute(action, params, context)


class AsyncDoorDiffers(Good):
    async def aexecute(self, action, params, context):
        return {"id": {1, 2}}


SAMPLES = {
    "calls": {"send": {"to": "ann", "items": []}},
    "failing_calls": {"send": {"to": "nobody"}},
    "slow_calls": {"send": {"to": "slow"}},
}
TESTS = sorted(name for name in dir(ConnectorContractTest) if name.startswith("test_"))


def failures(adapter_cls: type[ConnectorAdapter], **changes: Any) -> set[str]:
    """The contract's tests that this adapter does not pass."""
    suite_cls = type(
        "Suite", (ConnectorContractTest,), {"adapter_cls": adapter_cls, "timeout_seconds": 0.1, **SAMPLES, **changes}
    )
    failed = set()
    for name in TESTS:
        try:
            getattr(suite_cls(), name)()
        except Exception:  # what the adapter raises fails the test as well
            failed.add(name)
    return failed


def test_a_good_connector_passes_everything():
    assert failures(Good) == set()


@pytest.mark.parametrize(
    ("adapter_cls", "caught_by"),
    [
        (NoCode, "test_it_has_a_code_and_a_name"),
        (NoName, "test_it_has_a_code_and_a_name"),
        (NoActions, "test_its_actions_are_described"),
        (UnshowableForm, "test_its_actions_are_described"),
        (UnknownEffect, "test_its_actions_are_described"),
        (AnyActionWillDo, "test_an_unknown_action_is_an_error"),
        (SwallowsErrors, "test_failures_raise_connector_errors"),
        (RaisesItsOwn, "test_failures_raise_connector_errors"),
        (LeaksInMessage, "test_errors_hold_no_secret"),
        (LeaksInDetails, "test_errors_hold_no_secret"),
        (LeaksInCause, "test_errors_hold_no_secret"),
        (IgnoresTimeout, "test_the_time_limit_is_kept"),
        (ChangesParams, "test_outputs_are_json_and_parameters_stay_as_they_were"),
        (ChangesParamsDeep, "test_outputs_are_json_and_parameters_stay_as_they_were"),
        (ChangesSecrets, "test_outputs_are_json_and_parameters_stay_as_they_were"),
        (NotThreadSafe, "test_one_instance_serves_several_threads"),
        (AsyncDoorDiffers, "test_outputs_are_json_and_parameters_stay_as_they_were"),
    ],
)
def test_each_fault_is_caught(adapter_cls, caught_by):
    assert caught_by in failures(adapter_cls)


@pytest.mark.parametrize(
    "output",
    [object(), {1: "x"}, {1, 2}, b"x", float("nan"), {"a": [float("inf")]}, "a\0b", "\ud800", {"\0": 1}, 1 + 2j],
)
def test_an_output_that_cannot_be_stored_is_caught(output):
    assert "test_outputs_are_json_and_parameters_stay_as_they_were" in failures(
        answering(output), failing_calls={}, slow_calls={}
    )


def test_an_output_that_contains_itself_is_caught():
    loop: list[Any] = []
    loop.append(loop)

    assert "test_outputs_are_json_and_parameters_stay_as_they_were" in failures(
        answering(loop), failing_calls={}, slow_calls={}
    )


def test_a_sample_for_an_action_that_does_not_exist_is_caught():
    assert "test_samples_name_actions_that_exist" in failures(Good, calls={"sned": {}}, failing_calls={}, slow_calls={})
