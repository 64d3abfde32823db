"""The built-in providers hold to the contract that plugins are held to."""

from __future__ import annotations

import pytest

from automate_llm.providers.anthropic import AnthropicProvider
from automate_llm.providers.compatible import CompatibleProvider
from automate_llm.providers.openai import OpenAIProvider
from automate_testing.contracts import CANARY, LLMProviderContractTest
from tests.engine.automate_llm.test_providers import options_for
from tests.support.llm_server import LLMServer


class _AgainstTheStandIn(LLMProviderContractTest):
    @pytest.fixture(autouse=True)
    def _point_at_the_stand_in(self, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
        options = options_for(self.provider_cls.code, llm_server)
        failing = [
            {**options, "api_key": CANARY},  # the stand-in repeats the key it got
            {**options, "model": ""},
            {**options, "egress": None, "api_key": CANARY},  # a private address, by the strict policy
        ]
        monkeypatch.setattr(type(self), "options", options)
        monkeypatch.setattr(type(self), "failing_options", failing)


class TestOpenAI(_AgainstTheStandIn):
    provider_cls = OpenAIProvider


class TestCompatible(_AgainstTheStandIn):
    provider_cls = CompatibleProvider


class TestAnthropic(_AgainstTheStandIn):
    provider_cls = AnthropicProvider
