"""The `db` backend: the value in use of a stored secret, opened in memory."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from django.db.models import F, Q

from automate.secrets import sealing
from automate_governance.models import StoredSecret, StoredSecretVersion
from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend, SecretValue

USED_AT_PRECISION = timedelta(minutes=1)  # one write per secret and minute, not one per step


class StoredBackend(SecretsBackend):
    """Reads the scope that is current: one query, and at most once a minute a note that it was used."""

    def get_secret(self, key: str) -> str:
        return self.read(key).value

    def read(self, key: str) -> SecretValue:
        """Raises SecretNotFoundError, SecretUnreadable, KeyDestroyed."""
        rows = StoredSecretVersion.objects.select_related("secret")
        row = rows.filter(secret__name=key, version_num=F("secret__version_num"), sealed__isnull=False).first()
        if row is None:
            raise SecretNotFoundError.named(key)
        value = sealing.open_sealed(row.sealed, name=key, version_num=row.version_num)
        _note_use(row.secret, datetime.now(timezone.utc))
        return SecretValue(value, tuple(row.secret.hosts))


def _note_use(secret: StoredSecret, now: datetime) -> None:
    stale = now - USED_AT_PRECISION
    if secret.latest_used_at is None or secret.latest_used_at < stale:
        unused = Q(latest_used_at=None) | Q(latest_used_at__lt=stale)
        StoredSecret.objects.filter(unused, pk=secret.pk).update(latest_used_at=now)
