"""Which backend the settings name.

`DJANGO_AUTOMATE["SECRETS"]["backend"]`:
"env"    environment variables with `prefix` (the default; not for a host of many tenants)
"db"     stored secrets, sealed in the database: needs `automate_governance` in INSTALLED_APPS
"vault"  Vault or OpenBao: `vault` holds the arguments of `VaultBackend`
"none"   there are no secrets
anything else: a name in the entry point group `django_automate.secrets.backends`, or the dotted path of a class with
`get_secret(key) -> str`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from automate_governance.secrets.environment import EnvBackend, NoBackend
from automate_governance.secrets.interfaces import SecretsBackend, SecretValue

ENTRY_POINTS = "django_automate.secrets.backends"


def backend() -> SecretsBackend:
    """The backend of the settings, made once for each form they have. Raises ImproperlyConfigured."""
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {}).get("SECRETS", {})
    return _made(json.dumps(options, sort_keys=True, default=str))


def backend_name() -> str:
    """As the settings have it: what pages show as a secret's backend."""
    return str(getattr(settings, "DJANGO_AUTOMATE", {}).get("SECRETS", {}).get("backend", "env"))


@lru_cache(maxsize=16)  # a Vault client keeps its token and connections; values are not kept here
def _made(options_text: str) -> SecretsBackend:
    options = json.loads(options_text)
    chosen = options.get("backend", "env")
    if chosen == "env":
        return EnvBackend(options.get("prefix", "AUTOMATE_"))
    if chosen == "none":
        return NoBackend()
    if chosen == "db":
        from automate.secrets.stored import StoredBackend

        return StoredBackend()
    if chosen == "vault":
        return _vault(options.get("vault", {}))
    return _plugin(chosen)


def _vault(options: dict[str, Any]) -> SecretsBackend:
    from automate import host
    from automate_governance.secrets.vault import VaultBackend  # hvac is an extra

    try:
        return VaultBackend(**options, scope=lambda: host.current().scope_name())
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f'DJANGO_AUTOMATE["SECRETS"]["vault"]: {error}') from error


def _plugin(name: str) -> SecretsBackend:
    found = [point for point in entry_points(group=ENTRY_POINTS) if point.name == name]
    if not found and "." not in name:
        raise ImproperlyConfigured(
            f'DJANGO_AUTOMATE["SECRETS"]["backend"] is {name!r}: neither env, db, vault or none, nor an entry point '
            f"in {ENTRY_POINTS}, nor the dotted path of a class."
        )
    cls = found[0].load() if found else import_string(name)
    made = cls()
    return made if isinstance(made, SecretsBackend) else _Adapted(made)


class _Adapted(SecretsBackend):
    """A class that has `get_secret` and inherits from nothing of ours."""

    def __init__(self, inner: Any):
        self._inner = inner

    def get_secret(self, key: str) -> str:
        return str(self._inner.get_secret(key))

    def read(self, key: str) -> SecretValue:
        read = getattr(self._inner, "read", None)
        return read(key) if read is not None else super().read(key)
