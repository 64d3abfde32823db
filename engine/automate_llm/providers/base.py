"""The contract between the LLM layer and every provider. Source: seeds, "Core Contracts"."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Protocol, runtime_checkable

from automate_llm.completion import Completion, Delta


class LLMProvider(ABC):
    """One provider of models. One instance serves every call and several threads at once.

    `options`: `model`, `max_tokens`, `temperature`, `top_p`, `stop`, `tools`, `tool_choice`, `schema`,
    `timeout_seconds`, `api_key`, `base_url`; a provider takes what it knows. A provider that offers no more than
    this is settled at the reserved amount, because `chat` tells no usage: offer `complete` or `acomplete` too.
    """

    code: ClassVar[str] = ""  # unique; where empty, the name of its entry point
    name: ClassVar[str] = ""  # human readable label
    default_base_url: ClassVar[str] = ""  # whose prices hold where the options name no other

    @abstractmethod
    def chat(self, messages: list[Any], options: dict[str, Any]) -> str:
        """Synchronous chat completion."""

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Estimate token usage."""


@runtime_checkable
class TellsUsage(Protocol):
    """Optional: an answer with usage, tool calls and finish reason. Raises LLMError."""

    def complete(self, messages: list[Any], options: dict[str, Any]) -> Completion: ...


@runtime_checkable
class IsAsync(Protocol):
    """Optional: the same without a thread."""

    async def acomplete(self, messages: list[Any], options: dict[str, Any]) -> Completion: ...


@runtime_checkable
class Streams(Protocol):
    """Optional: pieces of text as they come, then the Completion."""

    def stream(self, messages: list[Any], options: dict[str, Any]) -> Iterator[Delta | Completion]: ...

    def astream(self, messages: list[Any], options: dict[str, Any]) -> AsyncIterator[Delta | Completion]: ...
