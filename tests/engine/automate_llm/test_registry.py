"""Which providers exist, and how others join them."""

from __future__ import annotations

from typing import Any

import pytest

from automate_llm.errors import UnknownProvider
from automate_llm.providers import registry
from automate_llm.providers.base import IsAsync, LLMProvider, Streams, TellsUsage


def test_the_built_in_ones_are_there_with_all_extensions() -> None:
    for code in ("openai", "anthropic", "openai_compatible"):
        provider = registry.get(code)
        assert isinstance(provider, LLMProvider)
        assert all(isinstance(provider, extension) for extension in (TellsUsage, IsAsync, Streams))


def test_an_unknown_one_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(UnknownProvider) as caught:
        registry.get("nobody")
    assert "openai" in caught.value.details["known"]


def test_a_plugin_is_registered_once_and_its_code_is_its_own() -> None:
    class Plugin(LLMProvider):
        code = "plugin-of-a-test"

        def chat(self, messages: list[Any], options: dict[str, Any]) -> str:
            return "x"

        def count_tokens(self, text: str) -> int:
            return len(text)

    class Rival(Plugin):
        pass

    registry.register(Plugin)
    registry.register(Plugin)

    assert isinstance(registry.get("plugin-of-a-test"), Plugin)
    with pytest.raises(ValueError, match="taken"):
        registry.register(Rival)
    with pytest.raises(TypeError):
        registry.register(dict)  # type: ignore[arg-type]
