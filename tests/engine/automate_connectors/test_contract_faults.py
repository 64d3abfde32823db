"""The contracts for forms, repeats, the event loop, secrets backends and LLM providers catch and name each fault."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, ClassVar

import pytest

from automate_connectors.models import ActionSpec, ConnectorError
from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend
from automate_testing.contracts import (
    CANARY,
    ConnectorContractTest,
    LLMProviderContractTest,
    SecretsBackendContractTest,
)

from .test_contracts import SAMPLES, Good


def complaints(contract: type, **attributes: Any) -> dict[str, str]:
    """Test → message, of the contract's tests that these attributes do not pass."""
    suite = type("Suite", (contract,), attributes)
    found = {}
    for name in sorted(name for name in dir(contract) if name.startswith("test_")):
        try:
            getattr(suite(), name)()
        except Exception as error:
            found[name] = str(error)
    return found


def of_connector(adapter_cls: type, **changes: Any) -> dict[str, str]:
    given = {"adapter_cls": adapter_cls, "timeout_seconds": 0.1, **SAMPLES, **changes}
    return complaints(ConnectorContractTest, **given)


def with_action(**spec: Any) -> type:
    usual = {"inputs": {"to": {"type": "string"}, "items": {}}, "outputs": {"id": {"type": "integer"}}}
    return type("Changed", (Good,), {"actions": {"send": ActionSpec(**{**usual, **spec})}})


class Answers(Good):
    async def aexecute(self, action, params, context):
        if params.get("to") == "slow":
            await self.wait(context["timeout_seconds"])
        return self.execute(
            action, {**params, "to": "nobody" if params.get("to") == "slow" else params.get("to")}, context
        )

    async def wait(self, seconds):
        await asyncio.sleep(seconds)


class BlocksTheLoop(Answers):
    async def wait(self, seconds):
        threading.Event().wait(seconds)  # the fault


class SaysBoth(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError as error:
            raise ConnectorError(str(error), retryable=True, in_doubt=True) from None


class LeaksInNote(Good):
    def execute(self, action, params, context):
        try:
            return super().execute(action, params, context)
        except ConnectorError as error:
            error.__notes__ = [f"sent {context['secrets']['API_KEY']}"]
            raise


class TakesAnyConfig(Good):
    def validate_config(self, config):
        config.clear()


def changes_params(params, step):
    params["asked"] = True
    return True


FORMS, FITS = "test_its_forms_can_be_drawn", "test_samples_fit_the_declared_inputs_and_outputs"
REPEATS, CONFIGS = "test_it_says_whether_a_call_may_be_repeated", "test_configurations_are_checked"
CONNECTOR_FAULTS = [
    (BlocksTheLoop, {}, "test_it_does_not_block_the_event_loop", "blocks the event loop"),
    (SaysBoth, {}, "test_failures_raise_connector_errors", "cannot say both"),
    (LeaksInNote, {}, "test_errors_hold_no_secret", "shows the secret"),
    (TakesAnyConfig, {"bad_configs": [{"a": 1}]}, CONFIGS, "must refuse"),
    (TakesAnyConfig, {"configs": [{"a": 1}]}, CONFIGS, "changed the configuration"),
    (with_action(inputs={"to": {"type": "text"}, "items": {}}), {}, FORMS, "no valid JSON Schema"),
    (with_action(inputs={"to": {"type": "string", "default": 5}, "items": {}}), {}, FORMS, "default"),
    (with_action(inputs={"to": {"enum": ["a"], "examples": ["b"]}}), {}, FORMS, "example"),
    (with_action(inputs={"to": {"secret": "yes"}, "items": {}}), {}, FORMS, "`secret` is true"),
    (with_action(native_window_seconds=5), {}, FORMS, "native_window_seconds"),
    (with_action(inputs={"to": {"type": "integer"}, "items": {}}), {}, FITS, "`to`"),
    (with_action(inputs={"to": {}}), {}, FITS, "'items' is not declared"),
    (with_action(inputs={"to": {}, "items": {}, "by": {"required": True}}), {}, FITS, "`by` is required"),
    (with_action(outputs={"id": {"type": "string"}}), {}, FITS, "outputs differ"),
    (with_action(repeatable=lambda params, step: "yes"), {}, REPEATS, "True or False"),
    (with_action(repeatable=changes_params), {}, REPEATS, "changed the parameters"),
]  # fmt: skip


@pytest.mark.parametrize(("adapter_cls", "changes", "test", "message"), CONNECTOR_FAULTS)
def test_a_connectors_fault_is_caught_and_named(adapter_cls, changes, test, message):
    assert message in of_connector(adapter_cls, **changes)[test]


def test_good_connectors_pass():
    assert of_connector(Answers) == {}
    assert of_connector(with_action()) == {}


class GoodBackend(SecretsBackend):
    values: ClassVar = {"KEY": "val-7f3e9a1c", "OTHER": "val-other-1c"}

    def get_secret(self, key):
        if key not in self.values:
            raise SecretNotFoundError.named(key)
        return self.values[key]


class AnswersNothing(GoodBackend):
    def get_secret(self, key):
        return self.values.get(key)


class RaisesKeyError(GoodBackend):
    def get_secret(self, key):
        return self.values[key]


class NamesNothing(GoodBackend):
    def get_secret(self, key):
        if key not in self.values:
            raise SecretNotFoundError("not there")
        return self.values[key]


class Strips(GoodBackend):
    def get_secret(self, key):
        return super().get_secret(key.strip())


class IgnoresCase(GoodBackend):
    def get_secret(self, key):
        return super().get_secret(key.upper())


class AnswersBytes(GoodBackend):
    def get_secret(self, key):
        return super().get_secret(key).encode()


class ShowsAll(GoodBackend):
    def get_secret(self, key):
        if key not in self.values:
            raise SecretNotFoundError(f"{key} is not among {self.values}")
        return self.values[key]


class ShowsInText(GoodBackend):
    def __repr__(self):
        return f"<Backend {self.values}>"


class Mixed(GoodBackend):
    def get_secret(self, key):
        super().get_secret(key)
        return self.values["OTHER"]


@pytest.mark.parametrize(
    ("backend_cls", "test", "message"),
    [
        (AnswersNothing, "test_a_missing_secret_raises_and_is_named", "must raise SecretNotFoundError"),
        (RaisesKeyError, "test_a_missing_secret_raises_and_is_named", "not KeyError"),
        (NamesNothing, "test_a_missing_secret_raises_and_is_named", "must name the secret"),
        (Strips, "test_names_are_exact", "must not be taken for"),
        (IgnoresCase, "test_names_are_exact", "must not be taken for"),
        (AnswersBytes, "test_known_secrets_are_returned_as_they_are", "not bytes"),
        (Mixed, "test_known_secrets_are_returned_as_they_are", "not the one that was stored"),
        (ShowsAll, "test_errors_and_texts_show_no_value", "its value stands in"),
        (ShowsInText, "test_errors_and_texts_show_no_value", "its value stands in"),
        (object, "test_it_is_a_secrets_backend", "subclass of SecretsBackend"),
    ],
)
def test_a_backends_fault_is_caught_and_named(backend_cls, test, message):
    found = complaints(SecretsBackendContractTest, backend_cls=backend_cls, known=GoodBackend.values)

    assert message in found[test]


def test_a_good_backend_passes():
    assert complaints(SecretsBackendContractTest, backend_cls=GoodBackend, known=GoodBackend.values) == {}


class GoodModel:
    def chat(self, messages, options):
        if options.get("api_key"):
            raise RuntimeError("The key was refused.")
        return "Hello."

    def count_tokens(self, text):
        return (len(text) + 3) // 4


def model(**methods: Any) -> type:
    return type("Model", (GoodModel,), methods)


def leaks(self, messages, options):
    if options.get("api_key"):
        raise RuntimeError(f"refused: {options['api_key']}")
    return "Hello."


@pytest.mark.parametrize(
    ("provider_cls", "test", "message"),
    [
        (model(chat=lambda s, m, o: {"content": "x"}), "test_a_chat_answers_with_text", "not dict"),
        (model(chat=lambda s, m, o: " "), "test_a_chat_answers_with_text", "answered with nothing"),
        (model(chat=lambda s, m, o: m.append({}) or "x"), "test_messages_and_options_stay_as_they_were", "messages"),
        (model(chat=lambda s, m, o: o.setdefault("n", "x")), "test_messages_and_options_stay_as_they_were", "options"),
        (model(count_tokens=lambda s, t: len(t) / 4), "test_tokens_are_counted", "whole number"),
        (model(count_tokens=lambda s, t: len(t) // 4), "test_tokens_are_counted", "as nothing"),
        (model(count_tokens=lambda s, t: -1), "test_tokens_are_counted", "less than nothing"),
        (model(count_tokens=lambda s, t: 1), "test_tokens_are_counted", "more tokens"),
        (model(chat=lambda s, m, o: "ok"), "test_failures_raise_and_show_no_secret", "swallowed"),
        (model(chat=leaks), "test_failures_raise_and_show_no_secret", "shows the secret"),
    ],
)
def test_a_providers_fault_is_caught_and_named(provider_cls, test, message):
    attributes = {"provider_cls": provider_cls, "failing_options": [{"api_key": CANARY}]}

    assert message in complaints(LLMProviderContractTest, **attributes)[test]


def test_a_good_provider_passes():
    attributes = {"provider_cls": GoodModel, "failing_options": [{"api_key": CANARY}]}

    assert complaints(LLMProviderContractTest, **attributes) == {}
