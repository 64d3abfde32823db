"""Both wire formats against a real server: answers, tools, streams, and everything that goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from automate_governance.egress import Egress, EgressPolicy
from automate_llm.completion import Completion, Delta
from automate_llm.errors import (
    AnswerLost,
    BadAnswer,
    InvalidRequest,
    LLMError,
    ModelNotFound,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
    Refused,
    Unauthorized,
)
from automate_llm.prices import Usage
from automate_llm.providers.http import HTTPProvider
from automate_llm.providers.registry import get
from tests.support.llm_server import KEY, LLMServer, Reply

PROVIDERS = ("openai", "openai_compatible", "anthropic")
QUESTION = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Grüße?"}]
WEATHER = {
    "name": "weather",
    "description": "The weather of a place.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
}


@pytest.fixture(params=PROVIDERS)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def provider(code: str) -> HTTPProvider:
    found = get(code)
    assert isinstance(found, HTTPProvider)
    return found


@pytest.fixture
def options(code: str, llm_server: LLMServer) -> dict[str, Any]:
    return options_for(code, llm_server)


def options_for(code: str, server: LLMServer, **more: Any) -> dict[str, Any]:
    return {
        "model": "stand-in-1",
        "api_key": KEY,
        "base_url": server.anthropic_url if code == "anthropic" else server.url,
        "egress": Egress(EgressPolicy(private_targets=(server.target,))),
        "timeout_seconds": 10,
        **more,
    }


def test_chat_is_text(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(text="Grüße zurück")

    assert provider.chat(QUESTION, options) == "Grüße zurück"


def test_what_is_sent(code: str, provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    provider.chat(QUESTION, {**options, "max_tokens": 77, "temperature": 0.5, "stop": ["END"]})

    [asked] = llm_server.asked
    body = asked.body
    limits = {"openai": "max_completion_tokens", "openai_compatible": "max_tokens", "anthropic": "max_tokens"}
    assert (body[limits[code]], body["temperature"]) == (77, 0.5)
    if code == "anthropic":
        assert body["system"] == "Be short."
        assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Grüße?"}]}]
        assert body["stop_sequences"] == ["END"]
    else:
        assert body["messages"] == QUESTION
        assert body["stop"] == ["END"]


def test_usage_is_told(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(usage=(120, 30), cached_tokens=100, finish="length")

    completion = provider.complete(QUESTION, options)

    assert completion.usage == Usage(120, 30, cached_tokens=100)
    assert (completion.finish_reason, completion.model, completion.request_id) == (
        "length",
        "stand-in-1",
        "req_stand_in",
    )


@pytest.mark.parametrize(
    "usage", [None, {}, (-1, 5), (10, 10**12), {"prompt_tokens": "many", "input_tokens": "many"}, (10, True), (3.5, 1)]
)
def test_usage_that_cannot_be_is_no_usage(
    usage: Any, provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(usage=usage)

    completion = provider.complete(QUESTION, options)

    assert (completion.text, completion.usage) == ("hello", None)


def test_tools_go_there_and_back(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = [Reply(tool_calls=[("weather", {"place": "Kiel"})]), Reply(text="Rain.")]

    first = provider.complete(QUESTION, {**options, "model": "forced-1", "tools": [WEATHER], "tool_choice": "weather"})
    [call] = first.tool_calls
    answered = [
        *QUESTION,
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    second = provider.complete(answered, {**options, "tools": [WEATHER]})

    assert (first.finish_reason, call.name, call.arguments) == ("tool_calls", "weather", {"place": "Kiel"})
    assert second.text == "Rain."
    assert "rain" in str(llm_server.asked[1].body["messages"][-1])


def test_a_stream_gives_pieces_then_the_whole(
    provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(text="Grüße aus Köln, schönes Wetter", usage=(12, 9), pieces=6)

    *deltas, whole = provider.stream(QUESTION, options)

    assert isinstance(whole, Completion)
    assert [delta.text for delta in deltas if isinstance(delta, Delta)] == [
        "Grüße",
        " aus ",
        "Köln,",
        " schö",
        "nes W",
        "etter",
    ]
    assert (whole.text, whole.usage, whole.finish_reason) == ("Grüße aus Köln, schönes Wetter", Usage(12, 9), "stop")


def test_a_stream_carries_tool_calls(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(tool_calls=[("weather", {"place": "Kiel"}), ("weather", {"place": "Köln"})])

    *_, whole = provider.stream(QUESTION, {**options, "tools": [WEATHER]})

    assert isinstance(whole, Completion)
    assert [call.arguments for call in whole.tool_calls] == [{"place": "Kiel"}, {"place": "Köln"}]


@pytest.mark.parametrize("reply", [Reply(unfinished=True), Reply(drop_after=150)])
def test_a_stream_that_breaks_off_is_an_error(
    reply: Reply, provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = reply

    with pytest.raises((BadAnswer, AnswerLost)) as caught:
        list(provider.stream(QUESTION, options))
    assert caught.value.is_billed


@pytest.mark.parametrize(
    ("status", "kind", "is_billed"),
    [
        (400, Refused, False),
        (401, Unauthorized, False),
        (403, Unauthorized, False),
        (404, ModelNotFound, False),
        (413, Refused, False),
        (500, ProviderFailed, True),
        (502, ProviderFailed, True),
        (504, ProviderFailed, True),
    ],
)
def test_a_status_says_what_became_of_the_money(
    status: int,
    kind: type[LLMError],
    is_billed: bool,
    provider: HTTPProvider,
    options: dict[str, Any],
    llm_server: LLMServer,
) -> None:
    llm_server.say = Reply(status=status)

    with pytest.raises(kind) as caught:
        provider.chat(QUESTION, options)
    assert (caught.value.is_billed, len(llm_server.asked)) == (is_billed, 1)
    assert "as told" in caught.value.message


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, Overloaded), (529, Overloaded)])
def test_a_long_wait_is_left_to_the_workflow(
    status: int, kind: type[LLMError], provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(status=status, headers={"Retry-After": "120"})

    with pytest.raises(kind) as caught:
        provider.chat(QUESTION, options)
    assert (caught.value.retry_after, caught.value.retryable, caught.value.is_billed) == (120.0, True, False)
    assert len(llm_server.asked) == 1


def test_a_short_wait_is_waited_here(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = [
        Reply(status=429, headers={"retry-after-ms": "1"}),
        Reply(status=529, headers={"Retry-After": "0"}),
        Reply(),
    ]

    assert provider.chat(QUESTION, options) == "hello"
    assert len(llm_server.asked) == 3


def test_three_refusals_are_the_end(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    llm_server.say = Reply(status=429, headers={"retry-after-ms": "1"})

    with pytest.raises(RateLimited):
        provider.chat(QUESTION, options)
    assert len(llm_server.asked) == 3


def test_an_answer_that_does_not_come_is_lost(
    provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(hang=True)

    with pytest.raises(AnswerLost) as caught:
        provider.chat(QUESTION, {**options, "timeout_seconds": 0.3})
    assert caught.value.in_doubt and caught.value.is_billed


def test_a_broken_connection_is_a_lost_answer(
    provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(drop_after=20)

    with pytest.raises(AnswerLost):
        provider.chat(QUESTION, options)
    assert len(llm_server.asked) == 1


@pytest.mark.parametrize("raw", [b"{not json", b"[]", b"{}", b'{"choices": []}', b'{"content": 5}', b"null", b""])
def test_an_answer_that_cannot_be_read_is_charged(
    raw: bytes, provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(raw=raw)

    with pytest.raises(BadAnswer) as caught:
        provider.chat(QUESTION, options)
    assert caught.value.is_billed


def test_a_closed_port_is_unavailable_and_free(provider: HTTPProvider, options: dict[str, Any]) -> None:
    closed = {
        **options,
        "base_url": "http://127.0.0.1:9",
        "egress": Egress(EgressPolicy(private_targets=("127.0.0.1:9",))),
    }

    with pytest.raises(ProviderUnavailable) as caught:
        provider.chat(QUESTION, {**closed, "timeout_seconds": 0.2})
    assert not caught.value.is_billed


def test_a_private_address_is_not_called(
    provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    with pytest.raises(Refused) as caught:
        provider.chat(QUESTION, {**options, "egress": Egress(EgressPolicy())})
    assert caught.value.details["reason"] == "egress_denied"
    assert llm_server.asked == []


def test_the_key_is_in_no_error(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    """The stand-in repeats the key it got, as providers do."""
    secret = "sk-wrong-but-secret-123456"

    with pytest.raises(Unauthorized) as caught:
        provider.chat(QUESTION, {**options, "api_key": secret})
    assert secret not in f"{caught.value!r} {caught.value.message} {caught.value.details}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"temperature": 9},
        {"tools": ["x"]},
        {"tool_choice": "nobody"},
        {"schema": []},
        {"schema": {}, "tools": [WEATHER]},
        {"stop": [1]},
        {"timeout_seconds": 0},
    ],
)
def test_options_that_cannot_be_sent_are_refused(
    wrong: dict[str, Any], provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    with pytest.raises(InvalidRequest):
        provider.chat(QUESTION, {**options, **wrong})
    assert llm_server.asked == []


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "hello",
        [{"role": "nobody", "content": "x"}],
        [{"role": "user"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}],
        [{"role": "tool", "content": "x"}],
        [{"role": "user", "content": "x", "tool_call_id": "1"}],
        [{"role": "assistant", "tool_calls": [{"id": "1", "name": "x", "arguments": "{}"}]}],
    ],
)
def test_messages_that_cannot_be_sent_are_refused(
    messages: Any, provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    with pytest.raises(InvalidRequest):
        provider.chat(messages, options)
    assert llm_server.asked == []


def test_many_at_once_on_one_loop(provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer) -> None:
    async def ask_all() -> list[Completion]:
        return await asyncio.gather(*(provider.acomplete(QUESTION, options) for _ in range(20)))

    assert [completion.text for completion in asyncio.run(ask_all())] == ["hello"] * 20


def test_tokens_are_estimated(provider: HTTPProvider) -> None:
    assert provider.count_tokens("") == 0
    assert 2 <= provider.count_tokens("Hello, world!") <= 13


SCHEMA = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


def test_a_schema_is_sent_as_the_provider_takes_it(
    code: str, provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    provider.chat(QUESTION, {**options, "schema": SCHEMA})

    [asked] = llm_server.asked
    if code == "anthropic":
        sent = asked.body["output_config"]["format"]["schema"]
        assert sent == {
            "type": "object",
            "properties": {"age": {"type": "integer"}},
            "required": ["age"],
            "additionalProperties": False,
        }
    else:
        assert asked.body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_an_endpoint_without_schemas_is_asked_in_words(
    provider: HTTPProvider, options: dict[str, Any], llm_server: LLMServer
) -> None:
    llm_server.say = lambda asked: (
        Reply(status=400) if {"output_config", "response_format"} & set(asked.body) else Reply(text='{"age": 3}')
    )

    assert provider.chat(QUESTION, {**options, "schema": SCHEMA}) == '{"age": 3}'
    assert "minimum" in str(llm_server.asked[1].body)


def test_anthropics_version_follows_what_is_sent(llm_server: LLMServer) -> None:
    options = options_for("anthropic", llm_server)

    get("anthropic").chat(QUESTION, options)
    get("anthropic").chat(QUESTION, {**options, "temperature": 0.2})

    assert [asked.headers["anthropic-version"] for asked in llm_server.asked] == ["2026-10-21", "2023-06-01"]
