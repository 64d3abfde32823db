"""Secret references, resolved at the connector's edge; and what hides values from those who only look.

`DJANGO_AUTOMATE["SECRETS"]["backend"]` is "env" (the default: environment variables with the prefix `AUTOMATE_`),
"none" (there are no secrets: for a host of many tenants, whose environment is not theirs), or the dotted path of a
class with `get_secret(key) -> str`. Source: seeds, "Policies & Governance", "Secrets & Redaction".
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from automate_governance import redaction
from automate_governance.errors import NormalizedError

PREFIX = "$secret:"


class SecretNotFound(NormalizedError):
    """The workflow names a secret that the backend does not have; `details.name` says which."""

    code, http_status = "secret_not_found", 422


class Backend(Protocol):
    def get_secret(self, key: str) -> str:
        """The raw value. Raises when there is none."""


class EnvBackend:
    """Environment variables: secret `STRIPE_KEY` is the variable `AUTOMATE_STRIPE_KEY`."""

    def __init__(self, prefix: str = "AUTOMATE_"):
        self.prefix = prefix

    def get_secret(self, key: str) -> str:
        value = os.environ.get(self.prefix + key)
        if value is None:
            raise SecretNotFound(
                f'There is no secret "{key}": set the environment variable {self.prefix}{key}.', details={"name": key}
            )
        return value


class NoBackend:
    """No secret exists."""

    def get_secret(self, key: str) -> str:
        raise SecretNotFound(f'There is no secret "{key}".', details={"name": key})


def resolve(ref: str) -> str:
    """The value behind "$secret:NAME". Raises SecretNotFound, ValueError for a text that is no reference."""
    if not ref.startswith(PREFIX) or ref == PREFIX:
        raise ValueError("A reference to a secret is $secret: and its name.")
    return _backend().get_secret(ref.removeprefix(PREFIX))


def redact(data: Any) -> Any:
    """A copy of `data` with sensitive values masked: by key, by pattern."""
    return redaction.redact(data)


def _backend() -> Backend:
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {}).get("SECRETS", {})
    chosen = options.get("backend", "env")
    if chosen == "env":
        return EnvBackend(options.get("prefix", "AUTOMATE_"))
    if chosen == "none":
        return NoBackend()
    backend: Backend = import_string(chosen)()
    return backend
