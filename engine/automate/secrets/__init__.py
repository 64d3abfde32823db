"""Secret references, resolved at the connector's edge; and what hides values from those who only look.

`DJANGO_AUTOMATE["SECRETS"]["backend"]` says where values come from: see `automate.secrets.backends`.
Source: seeds, "Policies & Governance", "Secrets & Redaction".
"""

from __future__ import annotations

from typing import Any

from automate.secrets.backends import backend
from automate_governance import redaction
from automate_governance.secrets import SecretNotFoundError

PREFIX = "$secret:"

__all__ = ["PREFIX", "SecretNotFoundError", "backend", "redact", "resolve"]


def resolve(ref: str) -> str:
    """The value behind "$secret:NAME". Raises SecretNotFoundError, ValueError for a text that is no reference."""
    if not ref.startswith(PREFIX) or ref == PREFIX:
        raise ValueError("A reference to a secret is $secret: and its name.")
    return backend().get_secret(ref.removeprefix(PREFIX))


def redact(data: Any) -> Any:
    """A copy of `data` with sensitive values masked: by key, by pattern."""
    return redaction.redact(data)
