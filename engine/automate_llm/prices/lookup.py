"""Which price holds for a call: by host and model, the tenant's rows first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from automate_llm.errors import UnknownPrice
from automate_llm.prices.price import Price


def find_price(*, host: str, model: str, rows: Sequence[Mapping[str, Any]] = ()) -> Price:
    """The price of `model` at `host`. `rows`: of the tenant and the installation, asked first, in this order.

    A row has `model` (exact), optionally `host`, `input`, `output`, `cached_input`, `tiers`. Raises UnknownPrice.
    """
    for row in rows:
        if row.get("model") == model and row.get("host", host) == host:
            try:
                return Price.parse({"source": "own", **row})
            except (ValueError, KeyError, TypeError) as error:
                raise UnknownPrice(f"The price of {model} cannot be read: {error}", details={"model": model}) from None
    for provider in _table()["providers"]:
        if host in provider["hosts"]:
            for entry in provider["models"]:
                if _fits(entry["match"], model):
                    return _parsed(provider["id"], entry["id"])
    raise UnknownPrice(
        f"Nobody has said what {model} costs at {host}, so no money can be set aside for it. "
        "Set its price under LLM spend, or in the installation's settings.",
        details={"model": model, "host": host},
    )


def as_of() -> str:
    """The date of the kept table, as 2026-11-22."""
    return str(_table()["as_of"])


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("table.json").read_text())
    return table


@lru_cache(maxsize=512)
def _parsed(provider: str, entry_id: str) -> Price:
    table = _table()
    [models] = [p["models"] for p in table["providers"] if p["id"] == provider]
    [row] = [m for m in models if m["id"] == entry_id]
    plain = {name: value for name, value in row.items() if name != "match"}
    return Price.parse({**plain, "source": table["source"], "as_of": table["as_of"]})


def _fits(rules: Iterable[Mapping[str, str]], model: str) -> bool:
    return any(
        rule.get("equals") == model
        or ("starts_with" in rule and model.startswith(rule["starts_with"]))
        or ("regex" in rule and re.search(rule["regex"], model[:200]) is not None)
        for rule in rules
    )
