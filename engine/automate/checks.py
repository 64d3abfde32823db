"""System checks: a wrong key or value in `DJANGO_AUTOMATE` stops the start, and says what to write instead.

automate.E001 an unknown setting · E002 a value that a setting cannot have · E003 what a part of the engine says of its
own section · W001 a connector whose package could not be loaded · W002 a rule of POLICY that nothing here keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from automate import configuration, host, retention
from automate.policy.installation import installation_rules, plan_rules
from automate.policy.unkept import find_unkept
from automate.secrets import backends
from automate_connectors import registry
from automate_governance.errors import Invalid
from automate_llm.config import llm

_CODES = {"unknown": "automate.E001", "type": "automate.E002", "value": "automate.E002"}
# Each reads its section and raises for what it cannot use; the text of the error is what is told.
READERS: dict[str, Callable[[], object]] = {
    "EXECUTION": configuration.execution,
    "POLICY": installation_rules,
    "HOST": host.current,
    "PLAN": plan_rules,
    "LLM": llm,
    "RETENTION": retention.configured,
    "SECRETS": backends.backend,
}


@checks.register("automate")
def check_settings(app_configs: Sequence[Any] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Everything wrong with `settings.DJANGO_AUTOMATE`."""
    found: list[checks.CheckMessage] = [
        checks.Error(problem.message, hint=problem.hint, id=_CODES[problem.kind])
        for problem in configuration.find_misconfigured(configuration.given())
    ]
    return found or list(_ask_readers())


@checks.register("automate")
def check_connectors(app_configs: Sequence[Any] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Connectors that are installed and cannot be used: workflows that name them would fail."""
    return [
        checks.Warning(
            f"The connector plugin {name} could not be loaded: {why}",
            hint="Repair or uninstall its package.",
            id="automate.W001",
        )
        for name, why in registry.failures().items()
    ]


@checks.register("automate")
def check_policy(app_configs: Sequence[Any] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Rules that are kept elsewhere and not here: whoever set them counts on them."""
    if check_settings():
        return []
    return [
        checks.Warning(
            f"{configuration.NAME}: POLICY: {problem.message}",
            hint=f"Take {problem.path[1:]} out of {configuration.NAME}['POLICY'].",
            id="automate.W002",
        )
        for problem in find_unkept(configuration.given().get("POLICY") or {})
    ]


def _ask_readers() -> Iterator[checks.Error]:
    for section, read in READERS.items():
        try:
            read()
        except (ValueError, TypeError, ImportError, ImproperlyConfigured, Invalid) as error:
            hint = f"Correct {configuration.NAME}[{section!r}] in the settings."
            yield checks.Error(f"{configuration.NAME}: {section}: {error}", hint=hint, id="automate.E003")
            if section == "HOST":
                return  # the sections after it ask the host
