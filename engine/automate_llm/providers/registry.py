"""Which providers exist: the built-ins, those registered by code, and those found through entry points.

Entry points (group `django_automate.llm.providers`) are loaded on the first look-up that needs them; one that fails to
import is left out and named in `failures()`.
"""

from __future__ import annotations

import threading
from importlib.metadata import entry_points

from automate_llm.errors import UnknownProvider
from automate_llm.providers.base import LLMProvider

GROUP = "django_automate.llm.providers"

_lock = threading.RLock()
_providers: dict[str, LLMProvider] = {}
_failures: dict[str, str] = {}
_discovered = False


def register(provider_cls: type[LLMProvider], code: str = "") -> None:
    """Make the provider available under `code`, or its own; the same class again changes nothing.

    Raises ValueError when another class has the code, TypeError when it is no complete provider.
    """
    _discover_builtins()
    _add(provider_cls, code)


def get(code: str) -> LLMProvider:
    """The provider registered as `code`. Raises UnknownProvider."""
    provider = _providers.get(code) or all().get(code)
    if provider is None:
        raise UnknownProvider(
            f"There is no LLM provider named {code!r}.", details={"provider": code, "known": sorted(_providers)}
        )
    return provider


def all() -> dict[str, LLMProvider]:
    """Every provider by its code, in the order of codes."""
    global _discovered
    with _lock:
        if not _discovered:
            _discovered = True
            _discover_builtins()
            _discover_entry_points()
        return dict(sorted(_providers.items()))


def failures() -> dict[str, str]:
    """Entry points that could not be loaded: name → what went wrong."""
    all()
    return dict(_failures)


def _discover_builtins() -> None:
    from automate_llm.providers.anthropic import AnthropicProvider
    from automate_llm.providers.compatible import CompatibleProvider
    from automate_llm.providers.openai import OpenAIProvider

    with _lock:
        for provider_cls in (AnthropicProvider, CompatibleProvider, OpenAIProvider):
            _add(provider_cls, "")


def _discover_entry_points() -> None:
    for entry in entry_points(group=GROUP):
        try:
            loaded = entry.load()
            _add(loaded, getattr(loaded, "code", "") or entry.name)
        except Exception as error:  # whatever a plugin's import raises
            _failures[entry.name] = f"{type(error).__name__}: {error}"


def _add(provider_cls: type[LLMProvider], code: str) -> None:
    if not (isinstance(provider_cls, type) and issubclass(provider_cls, LLMProvider)):
        raise TypeError(f"{provider_cls!r} is not a subclass of LLMProvider.")
    code = code or provider_cls.code
    if not code:
        raise TypeError(f"{provider_cls.__qualname__} needs a `code`: text that is not empty.")
    with _lock:
        known = _providers.get(code)
        if known is None:
            _providers[code] = provider_cls()
        elif type(known) is not provider_cls:
            raise ValueError(f"Provider code {code!r} is taken by {type(known).__module__}.{type(known).__qualname__}.")
