"""Which variables the product reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from tests.deploy.chart import DEPLOY


def unread(names: Iterable[str]) -> set[str]:
    """Those of `names` that nothing in platform/ reads; each may be given as a file too (`_FILE`)."""
    return {name for name in names if name.removesuffix("_FILE") not in _read()}


@cache
def _read() -> set[str]:
    code = "".join(file.read_text() for file in (DEPLOY.parent / "platform").rglob("*.py"))
    return set(re.findall(r'"([A-Z][A-Z_]{3,})"', code))
