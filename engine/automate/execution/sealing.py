"""What is kept of a run to go on with it: sealed with the tenant's key, each part bound to the row it stands in."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from automate.jsontext import dumps, loads
from automate_governance import crypto
from automate_governance.secrets import SecretValue


def seal_output(data_key: bytes, row_id: UUID, plain: str) -> bytes:
    """The real output of an attempt, given as JSON text."""
    return crypto.seal(data_key, plain.encode(), aad=b"step-run:" + row_id.bytes)


def open_output(data_key: bytes, row_id: UUID, sealed: bytes) -> str:
    """As JSON text. Raises Unsealable."""
    return crypto.open_sealed(data_key, sealed, aad=b"step-run:" + row_id.bytes).decode()


def seal_answer(data_key: bytes, wait_id: UUID, value: Any) -> str:
    """What a child gives its parent, for a JSON column."""
    sealed = crypto.seal(data_key, dumps(value).encode(), aad=b"run-wait:" + wait_id.bytes)
    return base64.b64encode(sealed).decode()


def open_answer(data_key: bytes, wait_id: UUID, text: str) -> Any:
    """Raises Unsealable."""
    return loads(crypto.open_sealed(data_key, base64.b64decode(text), aad=b"run-wait:" + wait_id.bytes))


def seal_known(data_key: bytes, wait_id: UUID, secrets: list[SecretValue]) -> str:
    """The secrets that a child knows, for its parent to mask too; for a JSON column."""
    text = dumps([[value.value, list(value.hosts)] for value in secrets])
    sealed = crypto.seal(data_key, text.encode(), aad=b"run-wait-secrets:" + wait_id.bytes)
    return base64.b64encode(sealed).decode()


def open_known(data_key: bytes, wait_id: UUID, text: str) -> list[SecretValue]:
    """Raises Unsealable."""
    plain = crypto.open_sealed(data_key, base64.b64decode(text), aad=b"run-wait-secrets:" + wait_id.bytes)
    return [SecretValue(value, tuple(hosts)) for value, hosts in loads(plain)]


def seal_secrets(data_key: bytes, run_id: UUID, secrets: list[SecretValue]) -> bytes:
    """What a later step must still recognise and mask."""
    text = dumps({"secrets": [[value.value, list(value.hosts)] for value in secrets]})
    return crypto.seal(data_key, text.encode(), aad=b"run-state:" + run_id.bytes)


def open_state(data_key: bytes, run_id: UUID, sealed: bytes) -> dict[str, Any]:
    """`secrets`; of a run that an earlier release began also `outputs` and `shown`, by step."""
    state: dict[str, Any] = loads(crypto.open_sealed(data_key, sealed, aad=b"run-state:" + run_id.bytes))
    return state
