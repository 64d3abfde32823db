"""References to secrets: resolved from the configured backend, by name, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from automate import secrets


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
    with _settings(), pytest.raises(secrets.SecretNotFound) as missing:
        secrets.resolve("$secret:NOT_THERE")

    assert missing.value.details == {"name": "NOT_THERE"}
    assert missing.value.code == "secret_not_found"


def test_the_hosted_platform_never_reads_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMATE_STRIPE_KEY", "the platform's own")

    with pytest.raises(secrets.SecretNotFound):  # under the platform's settings, as they are
        secrets.resolve("$secret:STRIPE_KEY")


@pytest.mark.parametrize("ref", ["STRIPE_KEY", "$secret:", "", "secret:X"])
def test_a_text_that_is_no_reference_is_refused(ref: str) -> None:
    with _settings(), pytest.raises(ValueError, match="reference"):
        secrets.resolve(ref)


def test_a_backend_of_ones_own() -> None:
    with _settings(backend=f"{Vault.__module__}.Vault"):
        assert secrets.resolve("$secret:X") == "vault:X"


def test_redact_masks_by_key_and_by_pattern() -> None:
    shown = secrets.redact({"password": "correct-horse", "text": "key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "n": 1})

    assert shown["password"] == "********"
    assert "4eC39" not in shown["text"]
    assert shown["n"] == 1
