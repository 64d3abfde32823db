"""Everything that keeps a definition from being published here, or from running: faults, policy, absent secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.definitions import Problem, find_problems, pointer
from automate.policy.breaches import find_breaches
from automate.secrets import backends, references


def find_all_problems(definition: Any) -> list[Problem]:
    """The definition's own problems first, then the breaches of policy, then secrets that are not there; each once."""
    from automate.policy.stored import effective_policy  # it records audit entries, by way of this package

    found = [*find_problems(definition), *find_breaches(definition, effective_policy()), *_missing_secrets(definition)]
    return list(dict.fromkeys(found))


def _missing_secrets(definition: Any) -> Iterator[Problem]:
    """A warning for each reference to a secret that nobody has stored yet; other backends are asked at run time."""
    places = sorted(references.places_in(definition), key=str)
    if not places or backends.backend_name() != "db":
        return
    from automate_governance.models import StoredSecret  # a project without that backend has no such app

    there = set(StoredSecret.objects.filter(name__in={name for _, name in places}).values_list("name", flat=True))
    for way, name in places:
        if name not in there:
            words = f'There is no secret "{name}" yet. Add it before this runs: the step fails without it.'
            yield Problem(pointer(*way), "secret_missing", words, "warning")
