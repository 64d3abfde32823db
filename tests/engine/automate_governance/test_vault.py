"""The Vault backend against a real OpenBao server: KV v2, AppRole, renewal, 403s, deleted versions, an absent one."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hvac
import pytest
import requests

from automate_governance.secrets import SecretNotFoundError, SecretsUnavailable
from automate_governance.secrets.vault import VaultBackend
from tests.support.waiting import Eventually

ROOT_TOKEN = "root-of-this-test-only"
POLICY = 'path "secret/data/automate/*" { capabilities = ["read"] }'


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory, eventually: Eventually) -> Iterator[hvac.Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("bao")
    program = Path(sys.executable).parent / "bao"
    log = (home / "log").open("wb")
    server = subprocess.Popen(
        [program, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}",
         f"-dev-listen-address=127.0.0.1:{port}"],
        stdout=log, stderr=log, env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    client = hvac.Client(f"http://127.0.0.1:{port}", token=ROOT_TOKEN, timeout=60)

    def is_up() -> bool:
        try:
            return bool(client.sys.is_initialized())
        except requests.RequestException:
            return False

    try:
        eventually(is_up, seconds=20)
        client.sys.create_or_update_policy("automate", POLICY)
        client.sys.enable_auth_method("approle")
        client.auth.approle.create_or_update_approle(
            "worker", token_policies=["automate"], token_ttl="60s", token_max_ttl="180s"
        )
        yield client
    finally:
        server.terminate()
        server.wait(20)
        log.close()
        client.adapter.close()


@pytest.fixture
def app_role(vault: hvac.Client) -> dict[str, str]:
    role_id = vault.auth.approle.read_role_id("worker")["data"]["role_id"]
    secret_id = vault.auth.approle.generate_secret_id("worker")["data"]["secret_id"]
    return {"role_id": role_id, "secret_id": secret_id}


def put(vault: hvac.Client, path: str, **fields: Any) -> None:
    vault.secrets.kv.v2.create_or_update_secret(path, secret=fields, mount_point="secret")


def backend(vault: hvac.Client, **options: Any) -> VaultBackend:
    return VaultBackend(vault.url, **options)


def test_a_secret_is_the_value_field_and_a_new_version_is_read_at_once(vault: hvac.Client) -> None:
    read = backend(vault, token=ROOT_TOKEN)
    put(vault, "automate/STRIPE", value="first")

    before = read.get_secret("STRIPE")
    put(vault, "automate/STRIPE", value="second")

    assert (before, read.get_secret("STRIPE")) == ("first", "second")


def test_each_scope_has_its_own(vault: hvac.Client) -> None:
    put(vault, "automate/t_a/KEY", value="of a")
    put(vault, "automate/t_b/KEY", value="of b")
    scope = "t_a"
    read = backend(vault, token=ROOT_TOKEN, scope=lambda: scope)

    first, scope = read.get_secret("KEY"), "t_b"

    assert (first, read.get_secret("KEY")) == ("of a", "of b")


@pytest.mark.parametrize("kind", ["never there", "deleted", "no value field", "not text"])
def test_what_is_not_there_is_not_found(vault: hvac.Client, kind: str) -> None:
    name = kind.upper().replace(" ", "_")
    if kind == "deleted":
        put(vault, f"automate/{name}", value="x")
        vault.secrets.kv.v2.delete_latest_version_of_secret(f"automate/{name}", mount_point="secret")
    if kind == "no value field":
        put(vault, f"automate/{name}", other="x")
    if kind == "not text":
        put(vault, f"automate/{name}", value={"a": 1})

    with pytest.raises(SecretNotFoundError) as missing:
        backend(vault, token=ROOT_TOKEN).get_secret(name)

    assert missing.value.details == {"name": name}


def test_an_app_role_logs_in_and_reads(vault: hvac.Client, app_role: dict[str, str]) -> None:
    put(vault, "automate/KEY", value="by role")

    assert backend(vault, **app_role).get_secret("KEY") == "by role"


def test_a_token_is_renewed_before_it_ends(vault: hvac.Client, app_role: dict[str, str]) -> None:
    put(vault, "automate/KEY", value="x")
    clock = Clock()
    read = backend(vault, **app_role, clock=clock)
    read.get_secret("KEY")
    token = read._client.token

    clock.now += 41  # of 60 s: a third is left
    read.get_secret("KEY")

    assert read._client.token == token
    assert read._ends_at == clock.now + 60


def test_a_revoked_token_is_replaced_by_a_new_log_in(vault: hvac.Client, app_role: dict[str, str]) -> None:
    put(vault, "automate/KEY", value="x")
    read = backend(vault, **app_role)
    read.get_secret("KEY")
    first = read._client.token
    vault.auth.token.revoke(first)

    assert read.get_secret("KEY") == "x"
    assert read._client.token != first


def test_a_token_that_can_be_renewed_no_more_is_replaced_at_its_end(vault: hvac.Client, app_role: Any) -> None:
    put(vault, "automate/KEY", value="x")
    clock = Clock()
    read = backend(vault, **app_role, clock=clock)
    read.get_secret("KEY")
    first = read._client.token
    vault.auth.token.revoke(first)

    clock.now += 61

    assert read.get_secret("KEY") == "x"
    assert read._client.token != first


def test_a_token_that_cannot_be_renewed_serves_to_its_end_and_is_then_replaced(vault: hvac.Client) -> None:
    """A batch token: the server refuses to renew it, and takes it until it ends."""
    put(vault, "automate/KEY", value="x")
    vault.auth.approle.create_or_update_approle(
        "batch", token_policies=["automate"], token_ttl="60s", token_type="batch"
    )
    role_id = vault.auth.approle.read_role_id("batch")["data"]["role_id"]
    secret_id = vault.auth.approle.generate_secret_id("batch")["data"]["secret_id"]
    clock = Clock()
    read = backend(vault, role_id=role_id, secret_id=secret_id, clock=clock)
    read.get_secret("KEY")
    first = read._client.token

    clock.now += 41
    assert read.get_secret("KEY") == "x"
    kept = read._client.token
    clock.now += 20
    assert read.get_secret("KEY") == "x"

    assert kept == first
    assert read._client.token != first


def test_a_role_that_is_taken_away_is_unavailable(vault: hvac.Client) -> None:
    vault.auth.approle.create_or_update_approle("gone", token_policies=["automate"], token_ttl="60s")
    role_id = vault.auth.approle.read_role_id("gone")["data"]["role_id"]
    secret_id = vault.auth.approle.generate_secret_id("gone")["data"]["secret_id"]
    vault.auth.approle.delete_role("gone")

    with pytest.raises(SecretsUnavailable) as refused:
        backend(vault, role_id=role_id, secret_id=secret_id).get_secret("KEY")

    assert secret_id not in f"{refused.value.message} {refused.value.details}"


def test_a_403_says_so_without_the_path_of_others(vault: hvac.Client, app_role: dict[str, str]) -> None:
    put(vault, "elsewhere/KEY", value="not for the role")

    with pytest.raises(SecretsUnavailable) as refused:
        backend(vault, **app_role, path="elsewhere").get_secret("KEY")

    assert refused.value.details == {"name": "KEY", "status": 403}


def test_a_static_token_that_is_wrong_is_unavailable_not_missing(vault: hvac.Client) -> None:
    with pytest.raises(SecretsUnavailable):
        backend(vault, token="wrong").get_secret("KEY")


def test_a_server_that_is_away_is_unavailable_and_its_address_stays_unsaid() -> None:
    with pytest.raises(SecretsUnavailable) as away:
        VaultBackend("http://127.0.0.1:9", token="x").get_secret("KEY")

    assert "127.0.0.1" not in away.value.message + str(away.value.details)


@pytest.mark.parametrize("options", [{}, {"token": "t", "role_id": "r"}], ids=["neither", "both"])
def test_options_that_cannot_work(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="one of the two"):
        VaultBackend("http://127.0.0.1:9", **options)
