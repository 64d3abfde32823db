"""What can be wrong with a trigger besides its form: a cron never due, an unknown zone, model or signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from automate import rules
from automate.definitions.problem import Problem, did_you_mean, pointer
from automate.triggers.cron import Cron, InvalidCron, time_zone


def find_trigger_problems(trigger: dict[str, Any], *, known_roots: Sequence[str]) -> Iterator[Problem]:
    """Problems with pointers into the trigger; parts that are malformed are the schema's to tell."""
    check = _CHECKS.get(str(trigger.get("type")))
    if check is not None:
        yield from check(trigger)
    rule = trigger.get("rule")
    if trigger.get("type") == "absence" and isinstance(rule, dict):
        for problem in rules.find_rule_problems(rule, known_roots=known_roots) or rules.find_rule_warnings(rule):
            yield problem.below("/rule")


def _schedule(trigger: dict[str, Any]) -> Iterator[Problem]:
    cron, zone = trigger.get("cron"), trigger.get("timezone", "UTC")
    if isinstance(cron, str) and cron:
        try:
            Cron(cron)
        except InvalidCron as error:
            yield Problem("/cron", "invalid_cron", str(error))
    if isinstance(zone, str):
        try:
            time_zone(zone)
        except InvalidCron as error:
            yield Problem("/timezone", "unknown_timezone", str(error))
    payload = trigger.get("payload")
    if isinstance(payload, dict):
        for name in ("scheduled_for", "fired_at"):
            if name in payload:
                yield Problem(pointer("payload", name), "reserved_name", f'"{name}" is filled in with each event.')


def _signal(trigger: dict[str, Any]) -> Iterator[Problem]:
    from automate.triggers import sources  # Django's registry of models

    if not sources.are_enabled():
        yield Problem("/type", "signals_off", "Signal triggers are off here: no models of yours run in this place.")
        return
    model, signal = trigger.get("model"), trigger.get("signal")
    if (model is None) == (signal is None):
        yield Problem("", "model_or_signal", 'A signal trigger has either "model" or "signal".')
    elif isinstance(model, str):
        yield from _model(trigger, model)
    elif isinstance(signal, str):
        for name in ("on", "fields"):
            if name in trigger:
                yield Problem(pointer(name), "models_only", f'"{name}" belongs to "model".')
        if signal not in sources.custom_paths():
            hint = did_you_mean(signal, sources.custom_paths())
            message = f'"{signal}" is not listed in DJANGO_AUTOMATE["SIGNALS"]["custom"].{hint}'
            yield Problem("/signal", "unknown_signal", message)


def _model(trigger: dict[str, Any], label: str) -> Iterator[Problem]:
    from automate.triggers import sources

    model = sources.find_model(label)
    if model is None:
        hint = did_you_mean(label, sources.model_labels())
        yield Problem("/model", "unknown_model", f'There is no model "{label}" to listen to.{hint}')
        return
    known = sources.field_names(model)
    fields = trigger.get("fields")
    for position, name in enumerate(fields if isinstance(fields, list) else ()):
        if isinstance(name, str) and name not in known:
            message = f'{label} has no field "{name}" that may be seen.{did_you_mean(name, known)}'
            yield Problem(pointer("fields", position), "unknown_field", message)


_CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[Problem]]] = {"schedule": _schedule, "signal": _signal}
