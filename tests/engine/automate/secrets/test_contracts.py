"""The built-in secrets backends keep the contract that plugins' authors inherit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, ClassVar

import hvac
import pytest
from django.db import connection

from automate.secrets.stored import StoredBackend
from automate.services import secrets as services
from automate_governance.secrets import SecretValue
from automate_governance.secrets.environment import EnvBackend
from automate_governance.secrets.vault import VaultBackend
from automate_tenants.context import tenant_scope
from automate_testing.contracts import SecretsBackendContractTest
from tests.engine.automate_governance.test_vault import ROOT_TOKEN, vault
from tests.support.workspaces import Workspace

__all__ = ["vault"]  # the fixture: a real OpenBao
KNOWN = {"STRIPE_KEY": "sk_contract_7a41", "API_TOKEN": " with blanks and ü "}


class TestEnvBackend(SecretsBackendContractTest):
    backend_cls = EnvBackend
    known: ClassVar = KNOWN

    @pytest.fixture(autouse=True)
    def _there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in KNOWN.items():
            monkeypatch.setenv(f"AUTOMATE_{name}", value)


class TestStoredBackend(SecretsBackendContractTest):
    """In a workspace, which every thread of a worker enters for itself."""

    backend_cls = StoredBackend
    known: ClassVar = KNOWN

    @pytest.fixture(autouse=True)
    def _there(self, transactional_db: None, tenant_a: Workspace) -> None:
        self.ref = tenant_a.ref
        with tenant_scope(self.ref):
            for name, value in KNOWN.items():
                services.create_secret(name=name, value=value, actor="system", now=datetime.now(timezone.utc))

    def make_backend(self) -> StoredBackend:
        ref = self.ref

        class Here(StoredBackend):
            def read(self, key: str) -> SecretValue:
                try:
                    with tenant_scope(ref):
                        return super().read(key)
                finally:
                    connection.close()

        return Here()


class TestVaultBackend(SecretsBackendContractTest):
    backend_cls = VaultBackend
    known: ClassVar = KNOWN

    @pytest.fixture(autouse=True)
    def _there(self, vault: hvac.Client) -> Iterator[None]:
        self.url = vault.url
        for name, value in KNOWN.items():
            vault.secrets.kv.v2.create_or_update_secret(
                f"automate/contract/{name}", secret={"value": value}, mount_point="secret"
            )
        yield

    def make_backend(self) -> VaultBackend:
        return VaultBackend(self.url, token=ROOT_TOKEN, scope=lambda: "contract")

    def test_a_name_leads_out_of_no_scope(self, vault: hvac.Client) -> None:
        """A reference is text from a workflow: with the installation's token it must not walk to another tenant."""
        vault.secrets.kv.v2.create_or_update_secret("automate/other/KEY", secret={"value": "x"}, mount_point="secret")
        for name in ("../other/KEY", "..%2Fother%2FKEY", "%2e%2e/other/KEY", "./../other/KEY", "KEY?version=1"):
            error: Any = self._error_of(name)
            assert type(error).__name__ == "SecretNotFoundError", name
