"""Where a secret's value may come to light in an error."""

from __future__ import annotations

import json

CANARY = "canary-7f3e9a1c-do-not-show"


def everything_shown(error: BaseException | None) -> str:
    """All that logs and pages may show of an error: text, attributes, and the errors it came from."""
    shown: list[str] = []
    while error is not None and len(shown) < 60:
        details = getattr(error, "details", None)
        shown += [str(note) for note in getattr(error, "__notes__", ())]
        shown += [str(error), repr(error), repr(error.args), repr(details), json.dumps(details, default=repr)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(shown)
