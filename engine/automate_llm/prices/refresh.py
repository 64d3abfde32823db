"""Make `table.json` anew: `python -m automate_llm.prices.refresh`, with the package `genai-prices` (MIT) installed.

Takes what a chat costs (text in, text out, cached input) of the providers named here. A model whose price
cannot be said in our form (by time of day, by request) is left out, and so is refused until a tenant prices it.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timezone
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOSTS = {
    "openai": ["api.openai.com"],
    "anthropic": ["api.anthropic.com"],
    "google": ["generativelanguage.googleapis.com"],
    "mistral": ["api.mistral.ai"],
    "groq": ["api.groq.com"],
    "x-ai": ["api.x.ai"],
    "deepseek": ["api.deepseek.com"],
    "cerebras": ["api.cerebras.ai"],
}
FIELDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}
NO_CHAT = re.compile(  # charged by other units than text tokens
    r"image|audio|tts|realtime|transcribe|embed|live|omni|banana|robotics|search|research|computer-use|guard|voxtral|video"
)
TABLE = Path(__file__).with_name("table.json")


def main() -> None:
    providers = import_module("genai_prices.data").providers  # on the maintainer's machine only
    today = datetime.now(timezone.utc).date()
    found = {provider.id: provider for provider in providers}
    table = {
        "as_of": today.isoformat(),
        "source": f"genai-prices {version('genai-prices')} (MIT), https://github.com/pydantic/genai-prices",
        "providers": [
            {"id": name, "hosts": hosts, "models": [*filter(None, (_model(m, today) for m in found[name].models))]}
            for name, hosts in HOSTS.items()
        ],
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


def _model(model: Any, today: date) -> dict[str, Any] | None:
    price, match = _in_force(model.prices, today), _match(model.match)
    if price is None or not match or NO_CHAT.search(model.id):
        return None
    amounts = {ours: getattr(price, theirs, None) for ours, theirs in FIELDS.items()}
    if amounts["input"] is None or amounts["output"] is None or getattr(price, "requests_kcount", None):
        return None
    row: dict[str, Any] = {"id": model.id, "match": match}
    row |= {name: str(_base(amount)) for name, amount in amounts.items() if amount is not None}
    starts = sorted({tier.start for amount in amounts.values() for tier in getattr(amount, "tiers", ())})
    if starts:
        row["tiers"] = [
            {
                "above_input_tokens": start,
                **{name: str(_at(amount, start)) for name, amount in amounts.items() if amount is not None},
            }
            for start in starts
        ]
    return row


def _in_force(prices: Any, today: date) -> Any:
    """The price of today; None where it depends on more than the date."""
    if not isinstance(prices, list):
        return prices
    chosen = None
    for conditional in prices:
        constraint = conditional.constraint
        if constraint is not None and not hasattr(constraint, "start_date"):
            return None
        if constraint is None or constraint.start_date <= today:
            chosen = conditional.prices
    return chosen


def _match(clause: Any) -> list[dict[str, str]]:
    """The clause as a list of alternatives; empty where it is none of equals, starts_with, regex, or."""
    if hasattr(clause, "or_"):
        parts = [_match(part) for part in clause.or_]
        return [rule for part in parts for rule in part] if all(parts) else []
    for kind in ("equals", "starts_with", "regex"):
        if hasattr(clause, kind):
            return [{kind: getattr(clause, kind)}]
    return []


def _base(amount: Any) -> Decimal:
    return amount.base if hasattr(amount, "base") else amount  # type: ignore[no-any-return]


def _at(amount: Any, start: int) -> Decimal:
    reached = [tier for tier in getattr(amount, "tiers", ()) if tier.start <= start]
    return max(reached, key=lambda tier: tier.start).price if reached else _base(amount)


if __name__ == "__main__":
    main()
