"""What a call that was not made could cost: its tokens counted, its answer as long as allowed, at the table's price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from automate_llm import config
from automate_llm.connector import address_of, messages_of
from automate_llm.models import Preferences
from automate_llm.prices import Usage, find_price
from automate_llm.providers import registry
from automate_llm.request import parse_request
from automate_llm.tokens import estimate_tokens


def price_rows() -> list[Mapping[str, Any]]:
    """The prices that the workspace and the installation have set, asked before the kept table."""
    preferences = Preferences.objects.first()
    return [*(preferences.prices if preferences else ()), *config.llm().prices]


def at_most_micros(params: Mapping[str, Any], *, rows: Sequence[Mapping[str, Any]]) -> int:
    """Micro-dollars of one call with a step's `params`: its input as counted, its answer as long as it may be.

    Raises UnknownPrice where nobody knows the model's price, and NormalizedError for params that make no call.
    """
    defaults = config.llm()
    provider = str(params.get("provider") or defaults.provider)
    options = {
        "model": params.get("model") or (defaults.model if provider == defaults.provider else ""),
        "max_tokens": params.get("max_tokens") or defaults.max_tokens,
    }
    request = parse_request(messages_of(params), options)
    base_url = address_of(provider, params, defaults)["base_url"] or registry.get(provider).default_base_url
    price = find_price(host=urlsplit(base_url).hostname or "", model=request.model, rows=rows)
    counted = sum(estimate_tokens(message.content) for message in request.messages)
    return price.cost_micros(Usage(input_tokens=counted, output_tokens=request.max_tokens))
