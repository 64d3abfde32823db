"""The built-in LLM providers keep the contract that plugins' authors inherit, against a server that speaks alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from automate_governance.egress import Egress, EgressPolicy
from automate_llm.providers.anthropic import AnthropicProvider
from automate_llm.providers.compatible import CompatibleProvider
from automate_llm.providers.http import HTTPProvider
from automate_llm.providers.openai import OpenAIProvider
from automate_testing.contracts import CANARY, LLMProviderContractTest
from tests.support.llm_server import KEY, LLMServer

CLOSED = "http://127.0.0.1:9"  # nobody listens there


class Contract(LLMProviderContractTest):
    """Not collected itself: its name does not begin with Test."""

    provider_cls: ClassVar[type[HTTPProvider]]

    @pytest.fixture(autouse=True)
    def _server(self, llm_server: LLMServer) -> Iterator[None]:
        is_anthropic = issubclass(self.provider_cls, AnthropicProvider)
        self.base_url = llm_server.anthropic_url if is_anthropic else llm_server.url
        self.egress = Egress(EgressPolicy(private_targets=(llm_server.target,)))
        self.options = {"model": "stand-in-1", "max_tokens": 50, "stop": ["END"]}
        self.failing_options = [
            {"model": "stand-in-1", "api_key": CANARY},  # the server answers 401, and repeats the key
            {"model": "stand-in-1", "api_key": CANARY, "base_url": f"{CLOSED}/{CANARY}"},
            {"api_key": CANARY},
            {"model": "stand-in-1", "api_key": CANARY, "max_tokens": "many"},
        ]
        yield

    def make_provider(self) -> HTTPProvider:
        return self.provider_cls(api_key=KEY, base_url=self.base_url, egress=self.egress)


class TestOpenAI(Contract):
    provider_cls = OpenAIProvider


class TestAnthropic(Contract):
    provider_cls = AnthropicProvider


class TestCompatible(Contract):
    provider_cls = CompatibleProvider
