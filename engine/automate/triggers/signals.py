"""Django's signals as events: rows that were created, updated or deleted, and the project's own signals.

The listeners are connected once, to every model. A save that nothing listens for costs a look into a dictionary; once a
second the process asks the database whether another one has published something since. An event is stored in the
transaction of what it tells of: rolled back with it, processed after it commits. (A save outside of any transaction
commits by itself just before, so the event follows in a transaction of its own.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import DatabaseError, models, router, transaction
from django.db.models import Count, Max
from django.db.models.signals import post_delete, post_save, pre_save

from automate.ingest.ingestor import EventIngestor
from automate.ingest.refusal import Refusal
from automate.models import Event, Workflow
from automate.triggers import sources, values
from automate.triggers.keys import CHANGES

logger = logging.getLogger("automate.signals")

MAX_AGE_SECONDS = 1.0  # of what a process knows about other processes' publishing
_BEFORE = "_automate_before"  # on an instance between pre_save and post_save
_UID = "automate.triggers"


@dataclass(frozen=True)
class Interest:
    """What live versions listen for: (model label, change) → the fields that count, None when each change does."""

    changes: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)
    custom: frozenset[str] = frozenset()

    @classmethod
    def of(cls, specs: list[dict[str, Any]]) -> Interest:
        """Of the triggers of type `signal`."""
        changes: dict[tuple[str, str], frozenset[str] | None] = {}
        for spec in (spec for spec in specs if "model" in spec):
            for change in spec.get("on", CHANGES):
                key, fields = (spec["model"].lower(), change), frozenset(spec.get("fields") or ())
                known = changes.get(key, frozenset())
                changes[key] = known | fields if fields and known is not None and change == "updated" else None
        return cls(changes, frozenset(spec["signal"] for spec in specs if "signal" in spec))


def connect() -> None:
    """Connect the listeners: from `AppConfig.ready`, once."""
    if not sources.are_enabled():
        return
    pre_save.connect(_before_save, dispatch_uid=_UID, weak=False)
    post_save.connect(_after_save, dispatch_uid=_UID, weak=False)
    post_delete.connect(_after_delete, dispatch_uid=_UID, weak=False)
    for path, signal in sources.custom_signals():
        signal.connect(_custom(path), dispatch_uid=_UID, weak=False)


def forget() -> None:
    """Look again before the next signal: this process has changed what runs."""
    _known.expire()


# -- listeners -----------------------------------------------------------------------------------------------------


def _before_save(sender: type[models.Model], instance: models.Model, raw: bool = False, **more: Any) -> None:
    """Remember the row as it is, where somebody asked which fields change."""
    label = _label(sender)
    if raw or label is None or instance._state.adding or not _known.get().changes.get((label, "updated")):
        return
    names = sources.field_names(sender)
    rows = sender._base_manager.using(more.get("using")).filter(pk=instance.pk)
    instance.__dict__[_BEFORE] = rows.values(*names).first()


def _after_save(sender: type[models.Model], instance: models.Model, created: bool, raw: bool, **more: Any) -> None:
    label = _label(sender)
    if raw or label is None:
        return
    before = instance.__dict__.pop(_BEFORE, None)
    change = "created" if created else "updated"
    interest = _known.get().changes
    if (label, change) not in interest:
        return
    changed = None if created else _changed(sender, instance, before, more.get("update_fields"))
    wanted = interest[label, change]
    if wanted and changed is not None and wanted.isdisjoint(changed):
        return
    _tell(label, change, instance, changed, str(more.get("using")))


def _after_delete(sender: type[models.Model], instance: models.Model, **more: Any) -> None:
    label = _label(sender)
    if label is not None and (label, "deleted") in _known.get().changes:
        _tell(label, "deleted", instance, None, str(more.get("using")))


def _custom(path: str) -> Callable[..., None]:
    def listener(sender: Any, **arguments: Any) -> None:
        if path not in _known.get().custom:
            return
        arguments.pop("signal", None)
        payload = {"signal": path, "sender": values.name_of(sender), "arguments": values.plain(arguments)}
        _store("signal.received", f"signal:{path}", payload)

    return listener


def _label(sender: type[models.Model]) -> str | None:
    """The concrete model's label, unless nobody may listen to it: the engine's own, or one made by a migration."""
    concrete = sender._meta.concrete_model or sender
    if sender.__module__ == "__fake__" or concrete._meta.app_label in sources.OWN_APPS:
        return None
    return str(concrete._meta.label_lower)


def _changed(
    sender: type[models.Model], instance: models.Model, before: dict[str, Any] | None, update_fields: Any
) -> list[str] | None:
    """Names of the fields that have another value than before; None when nobody knows."""
    saved = set(update_fields) if update_fields is not None else None
    if before is None:
        return sorted(saved & set(sources.field_names(sender))) if saved is not None else None
    return [
        column.name
        for column in sources.fields_of(sender)
        if (saved is None or column.name in saved or column.attname in saved)
        and before[column.name] != column.to_python(column.value_from_object(instance))
    ]


# -- events --------------------------------------------------------------------------------------------------------


def _tell(label: str, change: str, instance: models.Model, changed: list[str] | None, using: str) -> None:
    payload = {
        "model": instance._meta.label,
        "pk": values.plain(instance.pk),
        "change": change,
        "changed": changed,
        "fields": values.fields_of(instance),
    }
    store = partial(_store, f"{label}.{change}", f"signal:{label}", payload)
    if using == router.db_for_write(Event):
        store()
    else:
        transaction.on_commit(store, using=using)  # another database: the nearest that can be had


def _store(type_: str, source: str, payload: dict[str, Any]) -> None:
    try:
        EventIngestor().ingest(type=type_[:200], payload=payload, source=source)
    except (Refusal, ValueError) as error:
        # The project's own save must not fail for what an event cannot carry; nothing else is swallowed.
        logger.error("No event of a signal: %s", error, extra={"event_type": type_, "event_source": source})


# -- what live versions listen for ---------------------------------------------------------------------------------


class _Known:
    """The interest of this process, reloaded when the configuration's token has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interest = Interest()
        self._token: object = None
        self._checked_at: float | None = None

    def expire(self) -> None:
        self._checked_at = None

    def get(self) -> Interest:
        checked_at = self._checked_at
        if checked_at is None or time.monotonic() - checked_at > MAX_AGE_SECONDS:
            with self._lock:
                if self._checked_at == checked_at:
                    self._check()
        return self._interest

    def _check(self) -> None:
        self._checked_at = time.monotonic()
        try:
            with transaction.atomic(using=router.db_for_write(Workflow)):
                token = Workflow.objects.aggregate(count=Count("pk"), latest=Max("updated_at"))
                if token == self._token:
                    return
                live = Workflow.objects.filter(is_enabled=True, active_version__trigger_spec__type="signal")
                specs = list(live.values_list("active_version__trigger_spec", flat=True))
        except DatabaseError:  # before the first migrate there is no table, and nothing to listen for
            self._interest, self._token = Interest(), None
            return
        self._interest, self._token = Interest.of(specs), token


_known = _Known()
