"""What of a Django project may be listened to: its models and the custom signals that its settings name.

The engine's own tables are not among them: a workflow that its own events start would never end. Sensitive fields are
not seen. `DJANGO_AUTOMATE["SIGNALS"]`: `enabled` (default true; a platform where no customer's models run says false)
and `custom`, dotted paths of signals, connected when Django starts. No path that a workflow names is ever imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.dispatch import Signal
from django.utils.module_loading import import_string

from automate_governance.redaction import is_sensitive_name

OWN_APPS = {"automate", "automate_llm", "automate_connectors", "automate_governance"}


@dataclass(frozen=True)
class SignalSettings:
    """`DJANGO_AUTOMATE["SIGNALS"]`."""

    enabled: bool = True
    custom: tuple[str, ...] = field(default_factory=tuple)


def signal_settings() -> SignalSettings:
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {}).get("SIGNALS", {})
    return SignalSettings(enabled=bool(options.get("enabled", True)), custom=tuple(options.get("custom", ())))


def are_enabled() -> bool:
    """Whether signals start workflows in this installation."""
    return signal_settings().enabled


def custom_paths() -> tuple[str, ...]:
    """The custom signals that workflows may name."""
    return signal_settings().custom


def custom_signals() -> Iterator[tuple[str, Signal]]:
    """Each custom signal with its path. Raises ImproperlyConfigured for a path that is none."""
    for path in custom_paths():
        try:
            found = import_string(path)
        except ImportError as error:
            raise ImproperlyConfigured(f'DJANGO_AUTOMATE["SIGNALS"]["custom"]: there is no {path}.') from error
        if not isinstance(found, Signal):
            raise ImproperlyConfigured(f'DJANGO_AUTOMATE["SIGNALS"]["custom"]: {path} is not a Signal.')
        yield path, found


def find_model(label: str) -> type[models.Model] | None:
    """The project's model of this label (`app_label.ModelName`, in any case): no proxy, not the engine's own."""
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return None
    return None if model._meta.app_label in OWN_APPS or model._meta.proxy else cast("type[models.Model]", model)


def model_labels() -> list[str]:
    """Every model that may be listened to."""
    return [
        model._meta.label for model in apps.get_models() if not (model._meta.app_label in OWN_APPS or model._meta.proxy)
    ]


def fields_of(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The columns of a model that may be seen, in order: neither sensitive by name nor binary."""
    return [
        column
        for column in model._meta.concrete_fields
        if not is_sensitive_name(column.name) and not isinstance(column, models.BinaryField)
    ]


def field_names(model: type[models.Model]) -> list[str]:
    """Their names."""
    return [column.name for column in fields_of(model)]
