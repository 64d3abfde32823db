"""What a running `automate up` wrote about itself."""

from __future__ import annotations

import json

from automate_platform.home import Home


def ready(home: Home) -> dict[str, str]:
    """The content of HOME/ready.json; empty when nothing runs there."""
    try:
        found: dict[str, str] = json.loads(home.ready.read_text())
    except FileNotFoundError:
        return {}
    return found
