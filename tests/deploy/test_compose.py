"""compose.yaml: what the specification takes, for the processes that the product really has."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from automate.worker.loop import DRAIN_SECONDS
from automate_platform.cli import parser
from tests.deploy.chart import DEPLOY
from tests.deploy.procfile import processes
from tests.deploy.variables import unread

THEIRS = {"postgres", "rabbitmq"}  # images of others


def read(profiles: str = "") -> dict[str, Any]:
    """Its merge keys (`<<`) resolved, its variables at their defaults but COMPOSE_PROFILES; services that would run."""
    text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", (DEPLOY / "compose.yaml").read_text())
    text = re.sub(r"\$\{COMPOSE_PROFILES:\+([^}]*)\}", r"\1" if profiles else "", text)
    found: dict[str, Any] = yaml.safe_load(text)
    run = {n: s for n, s in found["services"].items() if set(s.get("profiles", [profiles])) & {profiles}}
    return {**found, "services": run}


@pytest.fixture(scope="module", params=["", "fleet"], ids=["alone", "fleet"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def compose(profile: str) -> dict[str, Any]:
    return read(profile)


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if name not in THEIRS}


def test_the_specification_takes_it(compose: dict[str, Any]) -> None:
    known = pytest.importorskip("compose_spec", reason="has a wheel for Linux on x86-64 only").PyCompose

    assert set(known.from_yaml(yaml.safe_dump(compose)).service_names()) == set(compose["services"])
    with pytest.raises(ValueError, match="restrat"):
        known.from_yaml(yaml.safe_dump(compose | {"services": {"web": {"image": "x", "restrat": "always"}}}))


def test_it_runs_the_process_list_and_no_other_process(compose: dict[str, Any], profile: str) -> None:
    listed = processes("Procfile.fleet" if profile else "Procfile")
    commands = {name: ["automate", *service["command"]] for name, service in ours(compose).items()}

    assert commands == {("migrate" if name == "release" else name): command for name, command in listed.items()}
    for command in commands.values():
        parser.build().parse_args(command[1:])


def test_every_variable_is_one_that_the_product_reads(compose: dict[str, Any]) -> None:
    for service in ours(compose).values():
        assert unread(service["environment"]) == set()


def test_secrets_are_files_that_make_secrets_writes_and_the_owners_reaches_the_migration_alone(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], check=True)
    assert {Path(secret["file"]).name for secret in compose["secrets"].values()} == {f.name for f in folder.iterdir()}

    for name, service in compose["services"].items():
        named = {value for key, value in service["environment"].items() if key.endswith("_FILE") and value}
        assert {value.rpartition("/")[2] for value in named} <= set(service["secrets"])
        assert ("owner-database-url" in service["secrets"]) is (name == "migrate")
        assert ("broker-url" in service["secrets"]) is (name in {"worker", "ringer"})
        assert ("broker-password" in service["secrets"]) is (name == "rabbitmq")


def test_nothing_is_written_but_where_it_may_be(compose: dict[str, Any]) -> None:
    for service in ours(compose).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert {mount.partition(":")[0] for mount in service["tmpfs"]} == {"/tmp", "/var/lib/automate"}


def test_a_worker_is_given_the_time_it_takes_to_drain(compose: dict[str, Any]) -> None:
    assert int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s")) >= DRAIN_SECONDS + 10


def test_health_checks_are_commands_that_exist(compose: dict[str, Any]) -> None:
    for name in compose["services"].keys() & {"gateway", "web", "worker", "ringer"}:
        command, *arguments = compose["services"][name]["healthcheck"]["test"][1:]
        assert command == "automate"
        assert parser.build().parse_args(arguments).process == name


def test_a_broker_stands_there_when_it_is_asked_for_and_workers_are_told_of_it() -> None:
    alone, fleet = read()["services"], read("fleet")["services"]

    assert fleet.keys() - alone.keys() == {"ringer", "rabbitmq"}
    assert not alone["worker"]["environment"]["CELERY_BROKER_URL_FILE"]
    for name in ("worker", "ringer"):
        assert fleet[name]["environment"]["CELERY_BROKER_URL_FILE"] == "/run/secrets/broker-url"


def test_the_broker_reads_its_password_from_the_secret(tmp_path: Path) -> None:
    """The command of its service as a shell understands it, with the server's own command in its place."""
    [_, _, command] = read("fleet")["services"]["rabbitmq"]["command"]
    (tmp_path / "broker-password").write_text("secret 1\n")
    said = command.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    said = said.replace("exec docker-entrypoint.sh rabbitmq-server", "exec printenv RABBITMQ_DEFAULT_PASS")

    done = subprocess.run(["bash", "-c", said], capture_output=True, text=True, check=True)

    assert done.stdout == "secret 1\n"


def test_secrets_are_random_made_once_and_behind_a_closed_folder(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        subprocess.run([DEPLOY / "make-secrets", folder, "db.internal:5433/automate"], check=True)
    first = {file.name: file.read_text() for file in one.iterdir()}
    subprocess.run([DEPLOY / "make-secrets", one], check=True)

    assert {file.name: file.read_text() for file in one.iterdir()} == first
    assert stat.S_IMODE(one.stat().st_mode) == 0o700
    assert not set(first.values()) & {file.read_text() for file in other.iterdir()}
    assert len(first["secret-key"].strip()) == 64
    password = first["app-password"].strip()
    broker = first["broker-password"].strip()
    assert first["broker-url"] == f"amqp://automate:{broker}@rabbitmq:5672//\n"
    assert first["database-url"] == f"postgresql://automate_app:{password}@db.internal:5433/automate\n"
