"""How a stored value is sealed: with the data key of its scope, bound to scope, name and version."""

from __future__ import annotations

from automate import host
from automate_governance import crypto
from automate_governance.secrets.interfaces import SecretUnreadable


def seal(value: str, *, name: str, version_num: int) -> bytes:
    """The bytes to store. Raises KeyNotFound, KeyDestroyed."""
    here = host.current()
    return crypto.seal(here.data_key(), value.encode(), aad=_aad(here.scope_name(), name, version_num))


def open_sealed(sealed: bytes | memoryview | None, *, name: str, version_num: int) -> str:
    """What `seal` was given. Raises SecretUnreadable, KeyNotFound, KeyDestroyed."""
    here = host.current()
    try:
        return crypto.open_sealed(
            here.data_key(), bytes(sealed or b""), aad=_aad(here.scope_name(), name, version_num)
        ).decode()
    except crypto.Unsealable:
        raise SecretUnreadable(
            f'The value of "{name}" cannot be opened with this key. Rotate it to store a new one.',
            details={"name": name},
        ) from None


def _aad(scope: str, name: str, version_num: int) -> bytes:
    return "\x1f".join(("stored-secret", scope, name, str(version_num))).encode()
