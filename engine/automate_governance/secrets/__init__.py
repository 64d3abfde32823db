"""Secrets: what a backend must answer, and the backends that need no database. Values never leave by `repr`."""

from automate_governance.secrets.interfaces import (
    SecretNotAllowed,
    SecretNotFoundError,
    SecretsBackend,
    SecretsUnavailable,
    SecretUnreadable,
    SecretValue,
)

__all__ = [
    "SecretNotAllowed",
    "SecretNotFoundError",
    "SecretUnreadable",
    "SecretValue",
    "SecretsBackend",
    "SecretsUnavailable",
]
