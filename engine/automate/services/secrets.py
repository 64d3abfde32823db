"""Stored secrets: made, rotated, restored, bound to hosts, deleted. Values go in and never come out here.

The reference `{"$secret": "NAME"}` stays when the value changes. The value before can be brought back for 24 hours;
after that it is erased. Every change leaves an audit entry, without a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from automate import host
from automate.ids import new_id
from automate.secrets import references, sealing
from automate.services import audit
from automate_governance.egress import EgressPolicy
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_governance.models import StoredSecret, StoredSecretVersion

RESTORABLE = timedelta(hours=24)
MAX_VALUE = 65_536  # characters; a private key or a service account's JSON fits
MAX_SECRETS = 500
SHORTEST_BOUND = 8  # characters of a secret that is bound to hosts: a shorter one turns up by chance


class SecretInUse(Conflict):
    """Workflows still refer to it; `details.workflows` says which."""

    code = "secret_in_use"


class InvalidSecret(Invalid):
    """The secret cannot be stored as asked; `details.param` names what is wrong."""

    code = "invalid_secret"


@transaction.atomic
def create_secret(
    *, name: str, value: str, actor: str, now: datetime, hosts: Sequence[str] = (), note: str = ""
) -> StoredSecret:
    """A new secret. Raises InvalidSecret, and Conflict when there is one of this name."""
    if not references.NAME.fullmatch(name):
        raise InvalidSecret(
            "A name has letters, digits, `_`, `.` and `-`, begins with a letter or `_`, and has at most 100 of them.",
            details={"param": "name"},
        )
    hosts = _checked_hosts(hosts)
    _check_value(value, hosts)
    if StoredSecret.objects.count() >= MAX_SECRETS:
        raise InvalidSecret(f"There are {MAX_SECRETS} secrets already; delete one first.", details={"param": "name"})
    try:
        with transaction.atomic():
            secret = StoredSecret.objects.create(
                id=new_id(), name=name, note=note[:300], hosts=list(hosts), created_at=now, created_by=actor[:200]
            )
    except IntegrityError as error:
        raise Conflict(
            f'There is a secret "{name}" already. Rotate it to give it another value.', details={"name": name}
        ) from error
    _add_version(secret, value, actor=actor, now=now)
    _changed(secret, "secret.create", actor, now, version=1, hosts=list(hosts))
    return secret


@transaction.atomic
def rotate_secret(*, name: str, value: str, actor: str, now: datetime) -> StoredSecret:
    """Give the secret another value under the same reference. The one before can be restored for 24 hours.

    Raises NotFound, InvalidSecret.
    """
    secret = _locked(name)
    _check_value(value, secret.hosts)
    if opened_value(secret) == value:
        raise InvalidSecret("This is the value it has already.", details={"param": "value"})
    _replace(secret, value, actor=actor, now=now)
    _changed(secret, "secret.rotate", actor, now, version=secret.version_num)
    return secret


@transaction.atomic
def restore_secret(*, name: str, actor: str, now: datetime) -> StoredSecret:
    """Bring the value before the latest rotation back, as a new version. Raises NotFound, Conflict after 24 hours."""
    secret = _locked(name)
    previous = restorable(secret, now)
    if previous is None:
        raise Conflict(
            f'There is no earlier value of "{name}" to restore: one is kept for 24 hours after a rotation.',
            details={"name": name},
        )
    value = sealing.open_sealed(previous.sealed, name=name, version_num=previous.version_num)
    _replace(secret, value, actor=actor, now=now, restored_from=previous.version_num)
    _changed(secret, "secret.restore", actor, now, version=secret.version_num, restored_from=previous.version_num)
    return secret


@transaction.atomic
def bind_secret(*, name: str, hosts: Sequence[str], actor: str, now: datetime, note: str | None = None) -> StoredSecret:
    """Say where the secret may be sent (nothing: wherever the policy allows) and what it is. Raises as above."""
    secret = _locked(name)
    checked = _checked_hosts(hosts)
    if checked:
        _check_value(opened_value(secret), checked)
    before = {"hosts": secret.hosts, "note": secret.note}
    after = {"hosts": list(checked), "note": secret.note if note is None else note[:300]}
    if before == after:
        return secret
    secret.hosts, secret.note = after["hosts"], str(after["note"])
    secret.save(update_fields=["hosts", "note"])
    _changed(secret, "secret.change", actor, now, before=before, after=after)
    return secret


@transaction.atomic
def delete_secret(*, name: str, actor: str, now: datetime) -> None:
    """Erase every value. Raises NotFound, SecretInUse while a workflow refers to it."""
    secret = _locked(name)
    if users := references.used_by().get(name):
        slugs = [workflow.slug for workflow in users]
        raise SecretInUse(
            f'"{name}" is used by {", ".join(slugs[:5])}{" and others" if len(slugs) > 5 else ""}. Take it out there '
            "first.",
            details={"name": name, "workflows": slugs},
        )
    _changed(secret, "secret.delete", actor, now, version=secret.version_num)
    secret.delete()


def forget_replaced(*, now: datetime) -> int:
    """Erase values that can be restored no more; how many. Safe to repeat."""
    due = StoredSecretVersion.objects.filter(replaced_at__lte=now - RESTORABLE, sealed__isnull=False)
    return due.update(sealed=None)


def restorable(secret: StoredSecret, now: datetime) -> StoredSecretVersion | None:
    """The version whose value `restore_secret` would bring back."""
    earlier = secret.versions.filter(version_num__lt=secret.version_num, sealed__isnull=False)
    return earlier.filter(replaced_at__gt=now - RESTORABLE).order_by("-version_num").first()


def opened_value(secret: StoredSecret) -> str:
    """The value in use, for comparing; it is never handed on. Raises SecretUnreadable."""
    row = secret.versions.get(version_num=secret.version_num)
    return sealing.open_sealed(row.sealed, name=secret.name, version_num=row.version_num)


def _locked(name: str) -> StoredSecret:
    secret = StoredSecret.objects.select_for_update().filter(name=name).first()
    if secret is None:
        raise NotFound("There is no such secret.", details={"name": name[:100]})
    return secret


def _replace(secret: StoredSecret, value: str, *, actor: str, now: datetime, restored_from: int | None = None) -> None:
    """Make `value` the next version. Only the version replaced now stays restorable."""
    secret.versions.filter(version_num__lt=secret.version_num).update(sealed=None)
    secret.versions.filter(version_num=secret.version_num).update(replaced_at=now)
    secret.version_num += 1
    secret.rotated_at, secret.rotated_by = now, actor[:200]
    secret.save(update_fields=["version_num", "rotated_at", "rotated_by"])
    _add_version(secret, value, actor=actor, now=now, restored_from=restored_from)


def _add_version(
    secret: StoredSecret, value: str, *, actor: str, now: datetime, restored_from: int | None = None
) -> None:
    StoredSecretVersion.objects.create(
        secret=secret,
        version_num=secret.version_num,
        sealed=sealing.seal(value, name=secret.name, version_num=secret.version_num),
        restored_from=restored_from,
        created_at=now,
        created_by=actor[:200],
    )


def _changed(secret: StoredSecret, action: str, actor: str, now: datetime, **details: object) -> None:
    host.current().config_changed()  # workers drop what they remember of this scope's secrets
    audit.record(
        actor=actor, action=action, resource=f"secret:{secret.name}", details={"name": secret.name, **details}, now=now
    )


def _check_value(value: str, hosts: Sequence[str]) -> None:
    if not value or len(value) > MAX_VALUE:
        raise InvalidSecret(f"A value has 1 to {MAX_VALUE} characters.", details={"param": "value"})
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidSecret("The value holds a character that cannot be sent.", details={"param": "value"})
    if hosts and len(value) < SHORTEST_BOUND:
        raise InvalidSecret(
            f"A value of fewer than {SHORTEST_BOUND} characters cannot be bound to hosts: it would be found by chance.",
            details={"param": "hosts"},
        )


def _checked_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    """In their one spelling, each once. `*` binds to nothing."""
    entries = list(dict.fromkeys(host.strip() for host in hosts if host.strip()))
    if len(entries) > 50:
        raise InvalidSecret("A secret is bound to at most 50 hosts.", details={"param": "hosts"})
    if "*" in entries:
        return ()
    try:
        return EgressPolicy(host_allowlist=tuple(entries)).host_allowlist
    except ValueError as error:
        raise InvalidSecret(str(error), details={"param": "hosts"}) from error
