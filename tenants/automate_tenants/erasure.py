"""Erasing a workspace's key: what was sealed with it is unreadable from then on, in the database and in every backup.

What stays is a certificate: who erased what and when, signed by a key of the installation. It stands in the key's place
and can be proven without the database. Event payloads are not sealed with the key: they go with the schema, and leave
backups with their retention; the certificate says so.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from automate_governance.errors import Conflict
from automate_tenants import audit, onboarding
from automate_tenants.key_store import key_store
from automate_tenants.models import Tenant
from automate_tenants.provisioning import ref

KEY_NAME = "certificates"
ERASED = ["stored secrets", "signing secrets of webhook endpoints", "state of runs and their real step outputs"]
NOT_ERASED = "Event payloads and redacted rows: they go with the schema, and leave backups with their retention."


def erase_key(*, tenant_id: int, actor: str, now: datetime) -> dict[str, Any]:
    """Destroy the workspace's key, for ever, and suspend it; the signed certificate."""
    tenant = Tenant.objects.get(pk=tenant_id)
    store = key_store()
    if store.certificate(tenant.schema_name) is not None:
        raise Conflict("The key of this workspace is erased already.", details={"workspace": tenant.slug})
    store.data_key(tenant.schema_name)  # it must be this installation's
    certificate = certify(
        workspace=tenant.slug, schema=tenant.schema_name, actor=actor, now=now, erased=ERASED, not_erased=NOT_ERASED
    )
    if not tenant.is_stopped:
        onboarding.suspend(tenant_id=tenant_id, actor=actor, reason="its key is erased", now=now)
    audit.record(
        ref(tenant),
        actor=actor,
        action="key.erase",
        resource=f"tenant:{tenant_id}",
        details={"erased": ERASED},
        now=now,
    )
    store.destroy(tenant.schema_name, json.dumps(certificate, indent=2).encode())
    return certificate


def certify(
    *, workspace: str, schema: str, actor: str, now: datetime, erased: list[str], not_erased: str
) -> dict[str, Any]:
    """What is to be kept in a destroyed key's place, signed by a key of the installation."""
    return _signed(
        {
            "statement": "The data key was destroyed. What it sealed cannot be read again, in any copy.",
            "workspace": workspace,
            "schema": schema,
            "erased": erased,
            "not_erased": not_erased,
            "actor": actor,
            "erased_at": now.isoformat(),
        }
    )


def is_genuine(certificate: dict[str, Any]) -> bool:
    """Whether its signature is over what it says, by the public key that it names."""
    said = {name: value for name, value in certificate.items() if name != "signature"}
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(certificate["public_key"]))
        public.verify(base64.b64decode(certificate["signature"]), _text(said))
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def public_key() -> str:
    """What signs certificates here, as base64: to be compared with a certificate's own."""
    return base64.b64encode(_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def _signed(said: dict[str, Any]) -> dict[str, Any]:
    said = {**said, "public_key": public_key()}
    return {**said, "signature": base64.b64encode(_key().sign(_text(said))).decode()}


def _text(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _key() -> Ed25519PrivateKey:
    store = key_store()
    store.create(KEY_NAME)
    return Ed25519PrivateKey.from_private_bytes(store.data_key(KEY_NAME))
