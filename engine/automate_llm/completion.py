"""What a model answered, in one form for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automate_llm.prices.price import Usage
from automate_llm.request import ToolCall

MAX_TOKENS = 10**9  # of one call: more is a mistake of whoever counted
FINISH_REASONS = ("stop", "length", "tool_calls", "refusal", "other")


@dataclass(frozen=True)
class Completion:
    """One answer. `usage` is None when the provider told none, or one that cannot be."""

    text: str
    model: str
    finish_reason: str  # one of FINISH_REASONS
    usage: Usage | None
    tool_calls: tuple[ToolCall, ...] = ()
    request_id: str = ""


@dataclass(frozen=True)
class Delta:
    """A piece of text while it is streamed."""

    text: str


def usage_from(counts: Mapping[str, Any]) -> Usage | None:
    """The counts as Usage; None where one is missing, negative, no whole number or beyond reason."""
    values = [counts.get(name) for name in ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")]
    counted = [value for value in (*values[:2], *(value or 0 for value in values[2:])) if type(value) is int]
    if len(counted) < len(values) or not all(0 <= value < MAX_TOKENS for value in counted):
        return None
    usage = Usage(*counted)
    return usage if usage.cached_tokens + usage.cache_write_tokens <= usage.input_tokens else None
