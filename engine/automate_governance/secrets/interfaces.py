"""The contract of a secrets backend. Source: seeds, "Extending Django Automate", "Secrets (SecretsBackend)".

A plugin names its class in the entry point group `django_automate.secrets.backends` and is chosen by that name in
`DJANGO_AUTOMATE["SECRETS"]["backend"]`. A backend is asked from several threads at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from automate_governance.errors import NormalizedError, PermissionDenied, Unavailable


@dataclass(frozen=True)
class SecretValue:
    """A secret's value and where it may be sent. `hosts` as in a host allowlist; empty: wherever the policy allows.

    >>> SecretValue("hunter2")
    SecretValue(hosts=())
    """

    value: str = field(repr=False)
    hosts: tuple[str, ...] = ()


class SecretsBackend(ABC):
    """Where values come from."""

    @abstractmethod
    def get_secret(self, key: str) -> str:
        """Return the raw secret value. Raise SecretNotFoundError if missing, SecretsUnavailable if nobody can tell."""

    def read(self, key: str) -> SecretValue:
        """As `get_secret`, with what the backend knows about its use. Raises the same."""
        return SecretValue(self.get_secret(key))


class SecretNotFoundError(NormalizedError):
    """The workflow names a secret that the backend does not have; `details.name` says which."""

    code, http_status = "secret_not_found", 422

    @classmethod
    def named(cls, name: str, hint: str = "Add it under Governance, Stored Secrets.") -> SecretNotFoundError:
        return cls(f'There is no secret "{name}". {hint}', details={"name": name})


class SecretNotAllowed(PermissionDenied):
    """Who wrote or published the workflow may not use the secret, or the definition never named it."""

    code, http_status = "secret_not_allowed", 403


class SecretUnreadable(NormalizedError):
    """The value is there and its key does not open it: another key store, or bytes that were changed."""

    code, http_status = "secret_unreadable", 500


class SecretsUnavailable(Unavailable):
    """The backend did not answer, or refuses us; a later try may succeed."""

    code, http_status = "secrets_unavailable", 503
