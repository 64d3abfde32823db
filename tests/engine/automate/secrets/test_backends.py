"""References to secrets: resolved from the configured backend, by name, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from automate import secrets
from automate_platform import environment
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace


class Vault:
    def get_secret(self, key: str) -> str:
        return f"vault:{key}"


def _settings(**options: Any) -> Any:
    return override_settings(DJANGO_AUTOMATE={"SECRETS": options})


def test_a_reference_is_an_environment_variable_with_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMATE_STRIPE_KEY", "value")
    monkeypatch.setenv("MY_STRIPE_KEY", "other")

    with _settings():
        assert secrets.resolve("$secret:STRIPE_KEY") == "value"
    with _settings(backend="env", prefix="MY_"):
        assert secrets.resolve("$secret:STRIPE_KEY") == "other"


def test_what_is_not_there_is_said_with_its_name_only() -> None:
    with _settings(), pytest.raises(secrets.SecretNotFoundError) as missing:
        secrets.resolve("$secret:NOT_THERE")

    assert missing.value.details == {"name": "NOT_THERE"}
    assert missing.value.code == "secret_not_found"


def test_the_hosted_platform_never_reads_its_own_environment(
    monkeypatch: pytest.MonkeyPatch, db: None, tenant_a: Workspace
) -> None:
    monkeypatch.setenv("AUTOMATE_STRIPE_KEY", "the platform's own")

    with tenant_scope(tenant_a.ref), pytest.raises(secrets.SecretNotFoundError):
        secrets.resolve("$secret:STRIPE_KEY")  # under the platform's settings, as they are


def test_the_environment_cannot_be_chosen_for_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_BACKEND", "env")

    with pytest.raises(RuntimeError, match="must not be env"):
        environment.secrets_backend("X_BACKEND", "X_VAULT")


def test_vaults_options_come_from_a_variable_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("X_BACKEND", "vault")
    monkeypatch.setenv("X_VAULT", '{"url": "http://v", "token": "t"}')
    file = tmp_path / "vault.json"
    file.write_text('{"url": "http://w"}')

    told = environment.secrets_backend("X_BACKEND", "X_VAULT")
    monkeypatch.setenv("X_VAULT", f"@{file}")
    from_file = environment.secrets_backend("X_BACKEND", "X_VAULT")

    assert told == {"backend": "vault", "vault": {"url": "http://v", "token": "t"}}
    assert from_file["vault"] == {"url": "http://w"}


@pytest.mark.parametrize("ref", ["STRIPE_KEY", "$secret:", "", "secret:X"])
def test_a_text_that_is_no_reference_is_refused(ref: str) -> None:
    with _settings(), pytest.raises(ValueError, match="reference"):
        secrets.resolve(ref)


def test_a_backend_of_ones_own() -> None:
    with _settings(backend=f"{Vault.__module__}.Vault"):
        assert secrets.resolve("$secret:X") == "vault:X"


def test_a_plugin_is_chosen_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real distribution on the path, as an installed plugin leaves it."""
    (tmp_path / "their_secrets.py").write_text(
        "from automate_governance.secrets.interfaces import SecretsBackend\n"
        "class Theirs(SecretsBackend):\n"
        "    def get_secret(self, key):\n        return 'theirs:' + key\n"
    )
    info = tmp_path / "their_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[django_automate.secrets.backends]\ntheirs = their_secrets:Theirs\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with _settings(backend="theirs"):
        assert secrets.resolve("$secret:X") == "theirs:X"


def test_a_backend_that_is_none_stops_with_the_choices() -> None:
    with _settings(backend="nonsense"), pytest.raises(ImproperlyConfigured, match="env, db, vault or none"):
        secrets.resolve("$secret:X")


def test_redact_masks_by_key_and_by_pattern() -> None:
    shown = secrets.redact({"password": "correct-horse", "text": "key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "n": 1})

    assert shown["password"] == "********"
    assert "4eC39" not in shown["text"]
    assert shown["n"] == 1
