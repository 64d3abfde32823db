"""Environment variables as secrets, for an installation that serves nobody but itself; and no secrets at all."""

from __future__ import annotations

import os

from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend


class EnvBackend(SecretsBackend):
    """Secret `STRIPE_KEY` is the environment variable `AUTOMATE_STRIPE_KEY`."""

    def __init__(self, prefix: str = "AUTOMATE_"):
        if not prefix:
            raise ValueError("Without a prefix every variable of this process would be a secret that workflows read.")
        self.prefix = prefix

    def get_secret(self, key: str) -> str:
        value = os.environ.get(self.prefix + key)
        if value is None:
            raise SecretNotFoundError.named(key, f"Set the environment variable {self.prefix}{key}.")
        return value


class NoBackend(SecretsBackend):
    """No secret exists."""

    def get_secret(self, key: str) -> str:
        raise SecretNotFoundError.named(key, "This installation keeps no secrets.")
