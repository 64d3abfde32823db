"""The connector `llm`: what a step may ask, what it gets, and what the engine may do when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from automate_connectors.models import ConnectorError, ConnectorWait
from automate_connectors.registry import get
from automate_llm.connector import LLMAdapter
from automate_llm.models import LedgerEntry, Preferences
from automate_tenants.dispatch.store import Scope
from automate_testing.contracts import CANARY, ConnectorContractTest
from tests.engine.automate_llm.conftest import today
from tests.support.llm_server import KEY, LLMServer, Reply
from tests.support.workspaces import Workspace

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture
def params(spending: Workspace, llm_server: LLMServer) -> dict[str, Any]:
    return {
        "provider": "openai_compatible",
        "model": "stand-in-1",
        "base_url": llm_server.url,
        "api_key": KEY,
        "prompt": "Who?",
        "max_tokens": 100,
    }


@pytest.fixture
def context() -> dict[str, Any]:
    return {
        "run_id": str(uuid4()),
        "workflow_id": str(uuid4()),
        "version_id": str(uuid4()),
        "step_id": "ask",
        "attempt": 2,
        "trace_id": uuid4().hex,
        "timeout_seconds": 10.0,
        "secrets": {"OPENAI_API_KEY": KEY},
    }


def chat(params: dict[str, Any], context: dict[str, Any], action: str = "chat") -> Any:
    return get("llm").execute(action, params, context)


def failure(params: dict[str, Any], context: dict[str, Any], action: str = "chat") -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        chat(params, context, action)
    return caught.value


def test_chat(params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(text="Ada", usage=(7, 12))

    answer = chat({**params, "system": "Be short."}, context)

    assert answer == {
        "text": "Ada",
        "tool_calls": [],
        "model": "stand-in-1",
        "finish_reason": "stop",
        "usage": {"input_tokens": 7, "output_tokens": 12, "cached_tokens": 0},
        "cost_usd": "0.012000",
        "cached": False,
    }
    assert llm_server.asked[0].body["messages"][0] == {"role": "system", "content": "Be short."}
    entry = LedgerEntry.objects.get()
    assert (str(entry.run_id), str(entry.workflow_id), entry.step_id, entry.attempt) == (
        context["run_id"],
        context["workflow_id"],
        "ask",
        2,
    )


def test_extract(params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(text='```json\n{"name": "Ada", "age": 36}\n```')

    answer = chat({**params, "schema": SCHEMA}, context, "extract")

    assert (answer["data"], answer["repaired"]) == ({"name": "Ada", "age": 36}, False)
    assert llm_server.asked[0].body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_extract_with_anthropic(params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(text='{"name": "Ada", "age": 36}')
    asked = {**params, "provider": "anthropic", "base_url": llm_server.anthropic_url, "schema": SCHEMA}

    assert chat(asked, context, "extract")["data"] == {"name": "Ada", "age": 36}


@pytest.mark.parametrize("first", ["not json", '{"name": "Ada"}', '{"name": "Ada", "age": "36"}', "[]", ""])
def test_a_misfit_is_mended_once_and_both_calls_are_paid(
    first: str, params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = [Reply(text=first, usage=(1, 10)), Reply(text='{"name": "Ada", "age": 36}', usage=(1, 20))]

    answer = chat({**params, "schema": SCHEMA}, context, "extract")

    assert (answer["data"], answer["repaired"], answer["cost_usd"]) == ({"name": "Ada", "age": 36}, True, "0.030000")
    assert "does not fit the schema" in llm_server.asked[1].body["messages"][-1]["content"]
    assert LedgerEntry.objects.count() == 2


def test_a_misfit_that_stays_is_an_error(
    params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(text='{"name": 5}')

    error = failure({**params, "schema": SCHEMA}, context, "extract")

    assert (error.code, error.in_doubt, len(llm_server.asked)) == ("llm_bad_answer", False, 2)
    assert any("name" in problem for problem in error.details["problems"])


def test_a_schema_of_anything_is_wrapped_and_its_definitions_are_found(
    params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(text='{"value": ["red"]}')
    schema = {"type": "array", "items": {"$ref": "#/$defs/colour"}, "$defs": {"colour": {"enum": ["red", "blue"]}}}

    assert chat({**params, "schema": schema}, context, "extract")["data"] == ["red"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1/schema"},
        {"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}},
        {"patternProperties": {"^x": {}}},
        "text",
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(
    schema: Any, params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    assert failure({**params, "schema": schema}, context, "extract").code in {"llm_invalid_request", "invalid_params"}
    assert llm_server.asked == []


def test_a_budget_that_is_used_up_fails_or_waits_as_the_step_says(
    params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    Preferences.objects.update(daily_cap_micros=50_000)

    fails = failure(params, context)
    waits = failure({**params, "on_budget": "wait"}, context)

    assert isinstance(waits, ConnectorWait)
    assert (fails.code, fails.retryable, fails.in_doubt) == ("budget_exceeded", False, False)
    assert (waits.code, waits.retryable, waits.retry_after) == (
        "budget_exceeded",
        True,
        pytest.approx(fails.retry_after, abs=60),
    )
    assert waits.retry_after is not None and 0 < waits.retry_after <= 90_000
    assert llm_server.asked == []


def test_a_lost_answer_is_in_doubt_and_counted(
    params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(hang=True)

    error = failure({**params, "timeout": 0.3}, context)

    assert (error.code, error.in_doubt, error.retryable) == ("llm_answer_lost", True, False)
    assert today().spent_micros == 100_000
    spec = LLMAdapter.actions["chat"]
    assert spec.may_repeat(params, {}) and not spec.may_repeat({**params, "on_lost_answer": "hold"}, {})


def test_the_installations_key_goes_only_to_the_installations_address(
    params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer, settings: Any
) -> None:
    """A step that names its own address and no key must not be sent ours."""
    own = {"provider": "openai_compatible", "model": "stand-in-1", "api_key": KEY, "base_url": llm_server.url}
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "LLM": {**settings.DJANGO_AUTOMATE["LLM"], **own}}

    assert chat({"prompt": "?"}, context)["text"] == "hello"
    elsewhere = {**params, "base_url": f"{llm_server.url}/", "prompt": "?"}
    del elsewhere["api_key"]
    assert failure(elsewhere, context).code == "llm_unauthorized"
    other_provider = {**elsewhere, "provider": "anthropic", "base_url": llm_server.anthropic_url}
    assert failure(other_provider, context).code == "llm_unauthorized"

    headers = [asked.headers for asked in llm_server.asked[1:]]
    assert all("authorization" not in header and "x-api-key" not in header for header in headers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": None},
        {"messages": [{"role": "user", "content": "x"}]},
        {"prompt": None, "messages": "x"},
        {"provider": ""},
        {"provider": 5},
        {"model": ""},
        {"timeout": 0},
        {"timeout": "soon"},
        {"cache_seconds": -1},
        {"api_key": 5},
        {"max_tokens": "many"},
    ],
)
def test_params_that_cannot_be_meant_are_refused(
    wrong: dict[str, Any], params: dict[str, Any], context: dict[str, Any], llm_server: LLMServer
) -> None:
    assert failure({**params, **wrong}, context).code in {"invalid_params", "llm_invalid_request"}
    assert llm_server.asked == []


class TestContract(ConnectorContractTest):
    """Sample calls need the stand-in's address, which is known when it runs."""

    adapter_cls = LLMAdapter
    owner: ClassVar[object] = None
    calls: ClassVar[Mapping[str, dict[str, Any]]] = {}
    failing_calls: ClassVar[Mapping[str, dict[str, Any]]] = {}
    slow_calls: ClassVar[Mapping[str, dict[str, Any]]] = {}

    def make_context(self, **changes: Any) -> dict[str, Any]:
        """As a worker's step: calls come from threads that are in nobody's scope."""
        return super().make_context(**{"pool_key": self.owner, **changes})

    @pytest.fixture(autouse=True)
    def _samples(
        self, params: dict[str, Any], spending: Workspace, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def say(asked: Any) -> Reply:
            prompt = asked.body["messages"][-1]["content"]
            if prompt == "hang":
                return Reply(hang=True)
            if prompt == "echo the key":
                return Reply(status=400, error=f"bad key {asked.headers.get('authorization')}")
            return Reply(text='{"name": "Ada", "age": 36}', usage=(1, 1))

        llm_server.say = say
        samples = {"chat": params, "extract": {**params, "schema": SCHEMA}}
        leaking = {"prompt": "echo the key", "api_key": CANARY}
        slow = {"prompt": "hang"}
        monkeypatch.setattr(type(self), "calls", samples)
        monkeypatch.setattr(type(self), "owner", Scope(spending.ref.id, spending.ref.schema_name))
        monkeypatch.setattr(type(self), "failing_calls", {a: {**p, **leaking} for a, p in samples.items()})
        monkeypatch.setattr(type(self), "slow_calls", {a: {**p, **slow} for a, p in samples.items()})
