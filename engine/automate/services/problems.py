"""Everything that keeps a definition from being published here: what is wrong with it, and what policy forbids it."""

from __future__ import annotations

from typing import Any

from automate.definitions import Problem, find_problems
from automate.policy.breaches import find_breaches


def find_all_problems(definition: Any) -> list[Problem]:
    """The definition's own problems first, then the breaches of policy; each once."""
    from automate.policy.stored import effective_policy  # it records audit entries, by way of this package

    return list(dict.fromkeys([*find_problems(definition), *find_breaches(definition, effective_policy())]))
