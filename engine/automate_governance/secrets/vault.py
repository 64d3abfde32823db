"""Vault or OpenBao as the secrets backend: KV version 2 over hvac, by token or AppRole.

Secret `NAME` is field `value` of `<mount>/<path>/<scope>/NAME`; `scope` keeps the secrets of several tenants apart, and
is left out where there are none. Our token is renewed when a third of its time is left; one that has ended, or was
revoked, is replaced by a new log-in where AppRole allows that. The options are the installation's own: tenants never
set them, so this connection does not go through egress.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import hvac  # type: ignore[import-untyped]
import requests
from hvac import exceptions

from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend, SecretsUnavailable

TIMEOUT_SECONDS = 5.0
FIELD = "value"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")


class VaultBackend(SecretsBackend):
    """Reads from one KV v2 mount. Raises ValueError for options that cannot work.

    `token` or `role_id` and `secret_id` (AppRole at `auth_path`); `namespace` of Vault Enterprise; `verify`: the CA's
    file, or True for the machine's own.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        role_id: str = "",
        secret_id: str = "",
        auth_path: str = "approle",
        mount: str = "secret",
        path: str = "automate",
        namespace: str | None = None,
        verify: bool | str = True,
        scope: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
    ):
        if bool(token) == bool(role_id):
            raise ValueError("Vault needs a token, or role_id and secret_id; one of the two.")
        self._role = (role_id, secret_id) if role_id else None
        self._auth_path = auth_path
        self._mount, self._path, self._scope = mount, path.strip("/"), scope
        self._client = hvac.Client(
            url, token=token or None, timeout=TIMEOUT_SECONDS, namespace=namespace, verify=verify
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._renew_at: float | None = None  # None: nothing is known of the token yet
        self._ends_at: float | None = None  # None: it never ends

    def get_secret(self, key: str) -> str:
        if not NAME.fullmatch(key):  # it becomes a path: `../` would lead into another tenant's
            raise SecretNotFoundError.named(key, "A name has letters, digits, and _ . - within.")
        parts = (self._path, self._scope(), key)
        path = "/".join(part for part in parts if part)
        try:
            self._keep_token()
            try:
                answer = self._read(path)
            except exceptions.Forbidden:
                if not self._log_in():  # a static token stays what it is
                    raise
                answer = self._read(path)
            value = answer["data"]["data"][FIELD]
        except exceptions.InvalidPath:
            raise SecretNotFoundError.named(key, f"Vault has nothing at {self._mount}/{path}.") from None
        except (KeyError, TypeError):
            raise SecretNotFoundError.named(key, f'What Vault has there holds no field "{FIELD}".') from None
        except exceptions.Forbidden:
            raise SecretsUnavailable(
                "Vault refuses this installation (403): its token ended, or its policy does not cover the path.",
                details={"name": key, "status": 403},
            ) from None
        except (exceptions.VaultError, requests.RequestException) as error:
            raise SecretsUnavailable(
                "Vault did not answer.", details={"name": key, "cause": type(error).__name__}
            ) from None
        if not isinstance(value, str):
            raise SecretNotFoundError.named(key, f'The field "{FIELD}" in Vault is not text.')
        return value

    def _read(self, path: str) -> Any:
        return self._client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=self._mount, raise_on_deleted_version=True
        )

    # -- our own token -----------------------------------------------------------------------------------------------

    def _keep_token(self) -> None:
        """Log in, look the token up, or renew it, whichever is due; one thread does, the others wait."""
        with self._lock:
            now = self._clock()
            if self._ends_at is not None and now >= self._ends_at and self._role:
                self._renew_at = None
            if self._renew_at is None:
                if not self._log_in_locked():
                    self._note(self._client.auth.token.lookup_self()["data"])
            elif now >= self._renew_at:
                self._renew(now)

    def _renew(self, now: float) -> None:
        try:
            self._note(self._client.auth.token.renew_self()["auth"])
        except exceptions.VaultError:  # not renewable any more: it serves to its end, then AppRole logs in again
            self._renew_at = self._ends_at if self._ends_at is not None else float("inf")
            if now >= (self._ends_at or float("inf")):
                self._log_in_locked()

    def _log_in(self) -> bool:
        with self._lock:
            return self._log_in_locked()

    def _log_in_locked(self) -> bool:
        if self._role is None:
            return False
        role_id, secret_id = self._role
        answer = self._client.auth.approle.login(role_id=role_id, secret_id=secret_id, mount_point=self._auth_path)
        self._note(answer["auth"])
        return True

    def _note(self, token: dict[str, Any]) -> None:
        """How long the token lives. 0 seconds means for ever (a root token)."""
        seconds = float(token.get("lease_duration") or token.get("ttl") or 0)
        now = self._clock()
        self._ends_at = now + seconds if seconds else None
        self._renew_at = now + seconds * 2 / 3 if seconds else float("inf")
