"""Values on a page: redacted, and cut where a page would outgrow its reader. The rest is one click away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from automate_governance.redaction import redact

PAGE_CHARACTERS = 100_000


@dataclass(frozen=True)
class Shown:
    """What a page shows of a value. `text` is the beginning only when `is_cut`."""

    value: Any
    size_bytes: int
    is_cut: bool
    text: str

    @staticmethod
    def download(value: Any, *, name: str) -> HttpResponse:
        """The whole value as a file, redacted as on the page."""
        body = json.dumps(redact(value), indent=2, ensure_ascii=False)
        return HttpResponse(
            body,
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def shown(value: Any) -> Shown:
    """`value` for a page, redacted."""
    safe = redact(value)
    text = json.dumps(safe, indent=2, ensure_ascii=False)
    size_bytes = len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    is_cut = len(text) > PAGE_CHARACTERS
    return Shown(value=safe, size_bytes=size_bytes, is_cut=is_cut, text=text[:PAGE_CHARACTERS])
