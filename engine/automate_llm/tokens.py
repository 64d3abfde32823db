"""Counting tokens without a provider's tokenizer: an estimate to show, never what a reservation stands on.

Reservations use `ChatRequest.input_ceiling`, which no tokenizer passes.
"""

from __future__ import annotations

import math
import re

_WORD = re.compile(r"\w+|[^\w\s]")


def estimate_tokens(text: str) -> int:
    """About how many tokens: four letters of a Latin word each, one per sign, one for two letters of other scripts.

    >>> estimate_tokens(""), estimate_tokens("Hello, world!")
    (0, 6)
    """
    return sum(_tokens_of(word) for word in _WORD.findall(text))


def _tokens_of(word: str) -> int:
    return math.ceil(len(word) / 4) if word.isascii() else math.ceil(len(word) / 2)
