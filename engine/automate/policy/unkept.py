"""Rules that would be accepted and kept by nobody: by this database, or by the engine without the hosted gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automate import host
from automate.definitions.problem import Problem, pointer


def find_unkept(document: Mapping[str, Any], *, below: str = "") -> list[Problem]:
    """A problem for each rule of a valid document that has an effect elsewhere and none here; `below` is a pointer."""
    return [
        Problem(below + pointer(name), "rule_not_kept", f'"{name}" {why}.')
        for name, why in host.current().unkept_rules().items()
        if document.get(name)
    ]
