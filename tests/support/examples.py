"""How many examples a property is tried with: enough for every run of the suite, many more in `make fuzz`."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))


def examples(count: int) -> int:
    """`count` in the suite, a multiple of it where EXAMPLES_TIMES asks for that."""
    return count * TIMES
