"""The vendors' own clients over our transport: they work, and reach nothing that egress does not allow."""

from __future__ import annotations

import asyncio

import anthropic
import openai
import pytest

from automate_governance.egress import Egress, EgressPolicy
from automate_llm import sdk
from tests.support.llm_server import KEY, LLMServer, Reply


@pytest.fixture
def allowed(llm_server: LLMServer) -> Egress:
    return Egress(EgressPolicy(private_targets=(llm_server.target,)))


def test_openai_speaks_through_egress(llm_server: LLMServer, allowed: Egress) -> None:
    client = sdk.openai_client(egress=allowed, api_key=KEY, base_url=llm_server.url, max_retries=0)
    llm_server.say = Reply(text="hi", usage=(3, 4))

    answer = client.chat.completions.create(model="stand-in-1", messages=[{"role": "user", "content": "?"}])
    pieces = client.chat.completions.create(
        model="stand-in-1", messages=[{"role": "user", "content": "?"}], stream=True
    )

    assert (answer.choices[0].message.content, answer.usage and answer.usage.completion_tokens) == ("hi", 4)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == "hi"


def test_anthropic_speaks_through_egress(llm_server: LLMServer, allowed: Egress) -> None:
    client = sdk.anthropic_client(egress=allowed, api_key=KEY, base_url=llm_server.anthropic_url, max_retries=0)
    llm_server.say = Reply(text="hi", usage=(3, 4))

    answer = client.messages.create(model="stand-in-1", max_tokens=9, messages=[{"role": "user", "content": "?"}])
    with client.messages.stream(
        model="stand-in-1", max_tokens=9, messages=[{"role": "user", "content": "?"}]
    ) as stream:
        streamed = "".join(stream.text_stream)

    assert (answer.content[-1].type, answer.usage.output_tokens, streamed) == ("text", 4, "hi")


def test_the_asynchronous_clients_too(llm_server: LLMServer, allowed: Egress) -> None:
    async def both() -> tuple[str | None, int]:
        one = sdk.async_openai_client(egress=allowed, api_key=KEY, base_url=llm_server.url, max_retries=0)
        two = sdk.async_anthropic_client(egress=allowed, api_key=KEY, base_url=llm_server.anthropic_url, max_retries=0)
        first = await one.chat.completions.create(model="stand-in-1", messages=[{"role": "user", "content": "?"}])
        second = await two.messages.create(
            model="stand-in-1", max_tokens=9, messages=[{"role": "user", "content": "?"}]
        )
        return first.choices[0].message.content, second.usage.output_tokens

    assert asyncio.run(both()) == ("hello", 5)


def test_what_egress_forbids_no_sdk_reaches(llm_server: LLMServer) -> None:
    strict = Egress(EgressPolicy())
    one = sdk.openai_client(egress=strict, api_key=KEY, base_url=llm_server.url, max_retries=0)
    two = sdk.anthropic_client(egress=strict, api_key=KEY, base_url=llm_server.anthropic_url, max_retries=0)

    with pytest.raises(openai.APIConnectionError):
        one.chat.completions.create(model="stand-in-1", messages=[{"role": "user", "content": "?"}])
    with pytest.raises(anthropic.APIConnectionError):
        two.messages.create(model="stand-in-1", max_tokens=9, messages=[{"role": "user", "content": "?"}])
    assert llm_server.asked == []
