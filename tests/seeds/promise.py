"""`@promise(page, sentence)`: says which sentence of the specification a test holds the product to, word for word.

The specification is five pages, the seeds: `concepts`, `index` (the welcome page), `reference`, `extending` and
`how-to`. `python -m tests.seeds` writes the table of all promises to the documentation; a test holds it to these marks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])
PAGES = {
    "index": "Welcome",
    "concepts": "Core concepts",
    "reference": "Reference",
    "extending": "Extending Django Automate",
    "how-to": "How-to guides",
}


def promise(page: str, sentence: str, *, note: str = "") -> Callable[[Test], Test]:
    """Mark a test; `note` tells a reader where our way of keeping it differs in form. Raises ValueError."""
    if page not in PAGES or not sentence.strip():
        raise ValueError(f"no such page, or no sentence: {page!r}, {sentence!r}")
    return pytest.mark.promise(page=page, sentence=sentence, note=note)
