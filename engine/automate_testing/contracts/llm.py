"""What every LLM provider must hold to.

    class TestMyModel(LLMProviderContractTest):
        provider_cls = MyProvider
        options = {"model": "my-model"}

Source: seeds, "LLM Providers (LLMProvider)": `chat(messages, options) -> str`, `count_tokens(text) -> int`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

from automate_testing.contracts.leaks import CANARY, everything_shown


class LLMProviderContractTest:
    """Subclass it and set `provider_cls`; point the provider at a model, or a stand-in, that answers."""

    provider_cls: ClassVar[type[Any]]
    messages: ClassVar[Sequence[dict[str, Any]]] = ({"role": "user", "content": "Say hello."},)
    options: ClassVar[dict[str, Any]] = {}
    failing_options: ClassVar[Sequence[dict[str, Any]]] = ()  # with which a chat must fail; may carry CANARY

    def make_provider(self) -> Any:
        return self.provider_cls()

    def test_a_chat_answers_with_text(self) -> None:
        answer = self.make_provider().chat(copy.deepcopy(list(self.messages)), copy.deepcopy(self.options))
        assert isinstance(answer, str), f"`chat` must answer with text, not {type(answer).__name__}"
        assert answer.strip(), "`chat` answered with nothing; an empty answer is a failure"

    def test_messages_and_options_stay_as_they_were(self) -> None:
        messages, options = copy.deepcopy(list(self.messages)), copy.deepcopy(self.options)
        self.make_provider().chat(messages, options)
        assert messages == list(self.messages), "`chat` changed the messages; a retry would send others"
        assert options == self.options, "`chat` changed the options; a retry would send others"

    def test_tokens_are_counted(self) -> None:
        provider = self.make_provider()
        for text in ("", "a", "Grüße, 世界", "word " * 200):
            count = provider.count_tokens(text)
            is_count = isinstance(count, int) and not isinstance(count, bool)
            assert is_count, f"`count_tokens` must answer with a whole number, not {count!r}"
            assert count >= 0, "`count_tokens` answered with less than nothing"
            assert count > 0 or not text, "`count_tokens` counts a text as nothing; the budget would not hold"
        assert provider.count_tokens("word " * 200) > provider.count_tokens("word"), "more text must be more tokens"

    def test_failures_raise_and_show_no_secret(self) -> None:
        for options in self.failing_options:
            error: BaseException | None = None
            try:
                self.make_provider().chat(copy.deepcopy(list(self.messages)), copy.deepcopy(options))
            except Exception as raised:
                error = raised
            assert error is not None, "the failure was swallowed: `chat` must raise"
            assert str(error).strip(), "an error needs a message"
            assert CANARY not in everything_shown(error), "the error shows the secret's value"
