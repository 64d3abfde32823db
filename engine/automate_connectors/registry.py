"""Which connectors exist: the built-ins, those registered by code, and those found through entry points.

Entry points (group `django_automate.connectors`) are loaded on the first look-up that needs them. A plugin that fails
to import is left out and named in `failures()`: one broken package must not stop every workflow.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from importlib.metadata import entry_points
from typing import TypeVar

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import DuplicateConnector, UnknownConnector

GROUP = "django_automate.connectors"
AdapterClass = TypeVar("AdapterClass", bound=type[ConnectorAdapter])

_lock = threading.RLock()
_adapters: dict[str, ConnectorAdapter] = {}
_failures: dict[str, str] = {}
_discovered = False
_builtins_found = False
_NO_CONNECTORS = frozenset(("adapters", "fields", "inputs", "models", "reference", "registry", "web"))


def register(adapter_cls: type[ConnectorAdapter]) -> None:
    """Make `adapter_cls` available under its `code`; registering the same class again changes nothing.

    Raises DuplicateConnector when another class has the code, TypeError when it is no complete adapter.
    """
    _discover_builtins()
    _add(adapter_cls)


def register_connector(adapter_cls: AdapterClass) -> AdapterClass:
    """`register` as a class decorator."""
    register(adapter_cls)
    return adapter_cls


def unregister(adapter_cls: type[ConnectorAdapter]) -> None:
    """Take `adapter_cls` away again, for tests; nothing happens where its code has another owner."""
    with _lock:
        if type(_adapters.get(adapter_cls.code)) is adapter_cls:
            del _adapters[adapter_cls.code]


def get(code: str) -> ConnectorAdapter:
    """The adapter registered as `code`. Raises UnknownConnector."""
    adapter = _adapters.get(code)
    if adapter is None:
        adapter = _all().get(code)
    if adapter is None:
        raise UnknownConnector(
            f"There is no connector named {code!r}.", details={"connector": code, "known": sorted(_adapters)}
        )
    return adapter


def all() -> dict[str, ConnectorAdapter]:
    """Every connector by its code, in the order of codes."""
    return dict(sorted(_all().items()))


def failures() -> dict[str, str]:
    """Entry points that could not be loaded: name → what went wrong."""
    _all()
    return dict(_failures)


def _all() -> dict[str, ConnectorAdapter]:
    global _discovered
    with _lock:
        if not _discovered:
            _discovered = True
            _discover_builtins()
            _discover_entry_points()
        return _adapters


def _discover_builtins() -> None:
    """Every module and folder of this package that names its ADAPTERS: to remove a connector, delete its folder."""
    import automate_connectors

    global _builtins_found
    if _builtins_found:
        return
    for found in pkgutil.iter_modules(automate_connectors.__path__):
        if found.name not in _NO_CONNECTORS:
            for adapter_cls in getattr(importlib.import_module(f"automate_connectors.{found.name}"), "ADAPTERS", ()):
                _add(adapter_cls)
    _builtins_found = True


def _discover_entry_points() -> None:
    for entry in entry_points(group=GROUP):
        try:
            _add(entry.load())
        except Exception as error:  # whatever a plugin's import raises
            _failures[entry.name] = f"{type(error).__name__}: {error}"


def _add(adapter_cls: type[ConnectorAdapter]) -> None:
    _check_complete(adapter_cls)
    with _lock:
        known = _adapters.get(adapter_cls.code)
        if known is None:
            _adapters[adapter_cls.code] = adapter_cls()
        elif type(known) is not adapter_cls:
            raise DuplicateConnector(
                f"Connector code {adapter_cls.code!r} of {_path(adapter_cls)} is taken by {_path(type(known))}; "
                "give one of them another code."
            )


def _check_complete(adapter_cls: object) -> None:
    if not (isinstance(adapter_cls, type) and issubclass(adapter_cls, ConnectorAdapter)):
        raise TypeError(f"{adapter_cls!r} is not a subclass of ConnectorAdapter.")
    for attribute in ("code", "name"):
        if not isinstance(getattr(adapter_cls, attribute, None), str) or not getattr(adapter_cls, attribute):
            raise TypeError(f"{_path(adapter_cls)} needs a class attribute `{attribute}`: text that is not empty.")


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
