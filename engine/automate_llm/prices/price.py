"""One model's price, and what a call costs by it. All arithmetic is Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from automate_llm.money import to_micros

MILLION = Decimal(1_000_000)
_AMOUNTS = ("input", "output", "cached_input", "cache_write")


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. `cached_tokens` and `cache_write_tokens` are part of `input_tokens`."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Tier:
    """Dollars per million tokens of a call with more than `above_input_tokens` input tokens."""

    above_input_tokens: int
    input: Decimal
    output: Decimal
    cached_input: Decimal
    cache_write: Decimal


@dataclass(frozen=True)
class Price:
    """`tiers`: rising, the first above 0 tokens. `row`: as it was written, with source and date."""

    tiers: tuple[Tier, ...]
    row: Mapping[str, Any]

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Price:
        """A row of a price table. Raises ValueError saying what is wrong with it.

        >>> Price.parse({"input": "3", "output": "15"}).cost_micros(Usage(1_000, 200))
        6000
        """
        base = _tier(row, 0, row)
        higher = sorted(
            (_tier(tier, int(tier["above_input_tokens"]), row) for tier in row.get("tiers", ())),
            key=lambda tier: tier.above_input_tokens,
        )
        return cls((base, *higher), row)

    def cost_micros(self, usage: Usage) -> int:
        """What this usage costs, rounded up to a micro-dollar."""
        reached = [tier for tier in self.tiers if usage.input_tokens > tier.above_input_tokens]
        tier = reached[-1] if reached else self.tiers[0]
        cached = min(usage.cached_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - cached)
        plain = usage.input_tokens - cached - written
        total = (
            plain * tier.input
            + cached * tier.cached_input
            + written * tier.cache_write
            + usage.output_tokens * tier.output
        )
        return to_micros(total / MILLION)

    def ceiling_micros(self, *, input_tokens: int, output_tokens: int) -> int:
        """The most that a call of at most so many tokens can cost: every token at the dearest tier in reach."""
        reach = [tier for tier in self.tiers if tier.above_input_tokens <= input_tokens]
        dearest_input = max(max(tier.input, tier.cached_input, tier.cache_write) for tier in reach)
        dearest_output = max(tier.output for tier in reach)
        return to_micros((input_tokens * dearest_input + output_tokens * dearest_output) / MILLION)


def find_price_problem(row: Any) -> str:
    """What is wrong with a price row, in words; "" when nothing is."""
    if not isinstance(row, Mapping):
        return "A price is an object with model, input and output."
    if not isinstance(row.get("model"), str) or not row["model"]:
        return "`model` is required: the model's exact name."
    try:
        Price.parse(row)
    except (ValueError, KeyError, TypeError) as error:
        return str(error)
    return ""


def _tier(row: Mapping[str, Any], above: int, base: Mapping[str, Any]) -> Tier:
    amounts = {name: _amount(row.get(name, base.get(name)), name) for name in _AMOUNTS}
    plain, output = amounts["input"], amounts["output"]
    if plain is None or output is None:
        raise ValueError("`input` and `output` are required: dollars per million tokens.")
    cached, written = amounts["cached_input"], amounts["cache_write"]
    return Tier(
        above_input_tokens=above,
        input=plain,
        output=output,
        cached_input=plain if cached is None else cached,
        cache_write=plain * 2 if written is None else written,  # the dearest that any provider asks
    )


def _amount(value: Any, name: str) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"`{name}` is not a number.") from None
    if not amount.is_finite() or amount < 0 or isinstance(value, bool):
        raise ValueError(f"`{name}` must be 0 or more.")
    return amount
