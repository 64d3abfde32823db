"""The signed heads of the audit chains, and where they are remembered besides the database.

A head says how far a tenant's chain goes and what its last link is, signed with an Ed25519 key of the key store. Who
holds the whole database cannot sign, but could put an *earlier* signed head back, or take the head away so that a chain
made anew is signed as if it were the first. So the latest head lies in a file beside the keys as well, one a tenant:
what the database says is believed only where it goes on from there. The file is written after the row; a process that
dies in between leaves the older of two signed heads, which is still on the chain.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from automate.services.audit_chain import ChainBroken, Head
from automate_tenants.context import TenantRef
from automate_tenants.key_store import key_store
from automate_tenants.models import AuditHead

KEY_NAME = "audit-heads"
UNSIGNED = "The head in the database is not signed by this installation."
UNREADABLE = "The head beside the keys is not signed by this installation."


def stored(tenant: TenantRef) -> Head | None:
    """The head in the database; None where nothing was signed yet. Raises ChainBroken for one that was not signed here.

    A row that claims links without a signature is such a one: rows begin at 0 and are signed with their first link.
    """
    row = AuditHead.objects.filter(pk=tenant.id).first()
    if row is None or (row.signature is None and row.seq == 0):
        return None
    head = Head(row.seq, bytes(row.hash))
    if not _is_signed(tenant, head, bytes(row.signature or b"")):
        raise ChainBroken(UNSIGNED)
    return head


def kept(tenant: TenantRef) -> Head | None:
    """The head beside the keys; None where there is none. Raises ChainBroken for a file that was not written here."""
    try:
        said = json.loads(_path(tenant).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise ChainBroken(UNREADABLE) from None
    try:
        head, signature = Head(int(said["seq"]), bytes.fromhex(said["hash"])), bytes.fromhex(said["signature"])
    except (KeyError, TypeError, ValueError):
        raise ChainBroken(UNREADABLE) from None
    if not _is_signed(tenant, head, signature):
        raise ChainBroken(UNREADABLE)
    return head


def sign(tenant: TenantRef, head: Head, *, now: datetime) -> None:
    """Make `head` the end that holds from now on."""
    signature = _key().sign(_text(tenant, head))
    row = {"seq": head.seq, "hash": head.hash, "signature": signature, "signed_at": now}
    AuditHead.objects.update_or_create(tenant_id=tenant.id, defaults=row)
    keep(tenant, head, signature)


def keep(tenant: TenantRef, head: Head, signature: bytes | None = None) -> None:
    """Remember `head` beside the keys, in place of the one before."""
    signature = signature or _key().sign(_text(tenant, head))
    said = {"schema": tenant.schema_name, "seq": head.seq, "hash": head.hash.hex(), "signature": signature.hex()}
    path = _path(tenant)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(json.dumps(said).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def forget(schema_name: str) -> None:
    """The workspace is deleted: nothing beside the keys tells of its log any more."""
    (Path(settings.KEY_STORE_DIR) / "audit-heads" / f"{schema_name}.json").unlink(missing_ok=True)


def _is_signed(tenant: TenantRef, head: Head, signature: bytes) -> bool:
    try:
        _key().public_key().verify(signature, _text(tenant, head))
    except InvalidSignature:
        return False
    return True


def _text(tenant: TenantRef, head: Head) -> bytes:
    return f"audit-head\x1f{tenant.schema_name}\x1f{head.seq}\x1f{head.hash.hex()}".encode()


def _key() -> Ed25519PrivateKey:
    store = key_store()
    store.create(KEY_NAME)
    return Ed25519PrivateKey.from_private_bytes(store.data_key(KEY_NAME))


def _path(tenant: TenantRef) -> Path:
    return Path(settings.KEY_STORE_DIR) / "audit-heads" / f"{tenant.schema_name}.json"
