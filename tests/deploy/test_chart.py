"""The chart: what Helm makes of it is what Kubernetes takes, for the processes that the product really has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from automate.worker.loop import DRAIN_SECONDS
from automate_platform.cli.web import KILL_SECONDS
from automate_web.gateway.server import GRACE_SECONDS
from tests.deploy import chart
from tests.deploy.chart import DEPLOY, Manifest
from tests.deploy.procfile import processes
from tests.deploy.variables import unread

EVERYTHING: dict[str, Any] = {
    "ingress": {"enabled": True, "className": "nginx", "hosts": ["a.example", "*.a.example"]},
    "postgresql": {"enabled": True, "storageClass": "fast"},
    "broker": {"enabled": True},
    "rabbitmq": {"enabled": True},
    "keys": {"storageClass": "shared"},
    "secretVariables": {"DJANGO_AUTOMATE_SMTP_URL": "smtp-url"},
    "variables": {"DJANGO_AUTOMATE_FROM_EMAIL": "automate@a.example"},
    "imagePullSecrets": [{"name": "registry"}],
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "only", "operator": "Exists"}],
    "worker": {"autoscaling": {"lagSeconds": 5}},
    "gateway": {"replicas": 3, "autoscaling": {"enabled": False}},
}
SERVING = ("gateway", "web", "worker", "ringer")
THEIRS = {"postgresql", "rabbitmq"}  # images of others


@pytest.fixture(scope="module", params=[{}, EVERYTHING], ids=["defaults", "everything"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return chart.render(**request.param)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Pod template by the process it is for."""
    templates = [m["spec"]["template"] for m in manifests if "template" in m.get("spec", {})]
    return {t["metadata"]["labels"]["app.kubernetes.io/component"]: t for t in templates}


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def test_helm_finds_nothing_against_it() -> None:
    assert chart.lint() == []


def test_kubernetes_would_take_every_manifest(manifests: list[Manifest]) -> None:
    assert {m["metadata"]["name"]: chart.problems(m) for m in manifests if chart.problems(m)} == {}


def test_what_kubernetes_does_not_know_is_seen() -> None:
    misspelt: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"ports": [{"port": 80, "targetport": "http"}]},
    }
    wrong: Manifest = {**misspelt, "spec": {"ports": [{"port": "eighty"}]}}

    assert chart.problems(misspelt) == ["$.spec.ports[0].targetport: no such field"]
    assert "$.spec.ports[0].port" in chart.problems(wrong)[0]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"baseUrl": "automate.example.com"}, "/baseUrl"),
        ({"gatway": {}}, "gatway"),
        ({"web": {"replicas": "two"}}, "/web/replicas"),
        ({"existingSecret": ""}, "/existingSecret"),
        ({"rabbitmq": {"enabled": True}, "broker": {"enabled": False}}, "/broker/enabled"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(Exception, match=named):
        chart.render(**wrong)


def test_it_runs_the_process_list_and_no_other_process(manifests: list[Manifest]) -> None:
    first_arguments = {name: pod["spec"]["containers"][0]["args"][0] for name, pod in pods(manifests).items()
                       if name not in THEIRS}  # fmt: skip
    listed = processes("Procfile.fleet" if "rabbitmq" in pods(manifests) else "Procfile")

    assert first_arguments == {name: command[1] for name, command in listed.items() if name != "release"} | {
        "migrate": listed["release"][1]
    }


def test_every_variable_is_one_that_the_product_reads(manifests: list[Manifest]) -> None:
    ours = [c for name, pod in pods(manifests).items() if name not in THEIRS for c in containers(pod)]
    names = [v["name"] for container in ours for v in container["env"]]

    assert unread(names) == set()
    for container in ours:
        told = [v["name"] for v in container["env"]]
        assert len(told) == len(set(told)), container["name"]


def test_secrets_are_files_that_make_secrets_writes_and_the_owners_reaches_the_migration_alone(
    manifests: list[Manifest], secret_files: set[str]
) -> None:
    for name, pod in pods(manifests).items():
        [volume] = [v for v in pod["spec"]["volumes"] if v["name"] == "secrets"]
        keys = {item["key"] for item in volume["secret"]["items"]} - {"smtp-url"}  # of a person's own
        named = {
            v["value"].rpartition("/")[2] for c in containers(pod) for v in c["env"] if v["name"].endswith("_FILE")
        }

        assert keys <= secret_files
        assert named <= keys | {"smtp-url"}
        assert ("owner-database-url" in keys) is (name == "migrate")
        assert ("broker-url" in keys) is ("rabbitmq" in pods(manifests) and name in {"worker", "ringer"})
        assert ("broker-password" in keys) is (name == "rabbitmq")
        for container in containers(pod):
            assert all("value" in v for v in container["env"])
            assert not [
                v for v in container["env"] if re.search("PASSWORD|SECRET|URL$", v["name"]) and "@" in v["value"]
            ]


def test_selectors_find_their_pods_and_nobody_elses(manifests: list[Manifest]) -> None:
    by_process = {name: pod["metadata"]["labels"] for name, pod in pods(manifests).items()}
    selectors = [
        (m["metadata"]["name"].rpartition("-")[2], m["spec"]["selector"].get("matchLabels", m["spec"]["selector"]))
        for m in manifests
        if m["kind"] in {"Deployment", "StatefulSet", "PodDisruptionBudget", "Service"}
    ]

    assert selectors
    for process, selector in selectors:
        found = {name for name, labels in by_process.items() if selector.items() <= labels.items()}
        assert found == {process}


def test_only_the_gateway_may_ask_web(manifests: list[Manifest]) -> None:
    policy = of_kind(manifests, "NetworkPolicy")["demo-automate-web"]
    [rule] = policy["spec"]["ingress"]
    [peer] = rule["from"]

    assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "web"
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"


def test_only_workers_and_ringers_may_ask_the_broker() -> None:
    policy = of_kind(chart.render(**EVERYTHING), "NetworkPolicy")["demo-automate-rabbitmq"]
    [rule] = policy["spec"]["ingress"]
    peers = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in rule["from"]}

    assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "rabbitmq"
    assert peers == {"worker", "ringer"}


def test_a_broker_of_ones_own_is_named_by_the_secret_alone() -> None:
    manifests = chart.render(broker={"enabled": True})

    assert "rabbitmq" not in pods(manifests)
    assert of_kind(manifests, "Deployment")["demo-automate-ringer"]["spec"]["replicas"] == 2  # one stands by
    for name in ("worker", "ringer"):
        [container] = pods(manifests)[name]["spec"]["containers"]
        told = {v["name"]: v["value"] for v in container["env"]}
        assert told["CELERY_BROKER_URL_FILE"] == "/run/secrets/automate/broker-url"


def test_the_broker_is_where_make_secrets_says(tmp_path: Path) -> None:
    subprocess.run([DEPLOY / "make-secrets", tmp_path, "db:5432/a", "demo-automate-rabbitmq:5672"], check=True)
    manifests = chart.render(**EVERYTHING)
    [container] = pods(manifests)["rabbitmq"]["spec"]["containers"]
    address = urlsplit((tmp_path / "broker-url").read_text().strip())
    [port] = of_kind(manifests, "Service")[str(address.hostname)]["spec"]["ports"]

    assert address.port == port["port"]
    assert {"name": "RABBITMQ_DEFAULT_USER", "value": address.username} in container["env"]
    assert address.password == (tmp_path / "broker-password").read_text().strip()


def test_pods_run_as_nobody_in_particular_on_a_file_system_they_cannot_write(manifests: list[Manifest]) -> None:
    for pod in pods(manifests).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in containers(pod):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= {v["name"] for v in pod["spec"]["volumes"]} | {"data"}


def test_a_stop_leaves_each_process_the_time_it_takes(manifests: list[Manifest]) -> None:
    needed = {"gateway": 5 + GRACE_SECONDS, "web": 5 + KILL_SECONDS, "worker": DRAIN_SECONDS}

    for name, seconds in needed.items():
        assert pods(manifests)[name]["spec"]["terminationGracePeriodSeconds"] >= seconds + 10, name


def test_who_serves_is_asked_for_health_and_waits_for_the_schema(manifests: list[Manifest]) -> None:
    for name in pods(manifests).keys() & set(SERVING):
        [container] = pods(manifests)[name]["spec"]["containers"]
        [waiting] = pods(manifests)[name]["spec"]["initContainers"]
        [port] = container["ports"]
        listens_at = {v["name"]: v["value"] for v in container["env"]}

        assert waiting["args"] == ["migrate", "--wait"]
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        assert container["readinessProbe"]["httpGet"]["path"].startswith("/readyz")
        assert (
            str(port["containerPort"])
            in {
                "gateway": listens_at.get("PORT", ""),
                "web": listens_at.get("DJANGO_AUTOMATE_WEB_LISTEN", "").rpartition(":")[2],
                "worker": listens_at.get("DJANGO_AUTOMATE_WORKER_LISTEN", "").rpartition(":")[2],
                "ringer": listens_at.get("DJANGO_AUTOMATE_RINGER_LISTEN", "").rpartition(":")[2],
            }[name]
        )


def test_a_gateway_is_ready_without_web() -> None:
    [container] = pods(chart.render())["gateway"]["spec"]["containers"]

    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz?part=database"


def test_each_process_is_scaled_and_kept_through_a_drain() -> None:
    rendered = chart.render(worker={"autoscaling": {"lagSeconds": 5}})
    scaled = of_kind(rendered, "HorizontalPodAutoscaler")
    [lag] = scaled["demo-automate-worker"]["spec"]["metrics"]

    assert {m["spec"]["scaleTargetRef"]["name"] for m in scaled.values()} == set(of_kind(rendered, "Deployment"))
    assert set(of_kind(rendered, "PodDisruptionBudget")) == set(of_kind(rendered, "Deployment"))
    assert lag["pods"]["metric"]["name"] == "automate_outbox_lag_seconds"  # as automate.metrics exports it
    assert not any("replicas" in m["spec"] for m in of_kind(rendered, "Deployment").values())  # the scaler's alone


def test_the_key_store_stays_when_the_release_is_removed() -> None:
    [claim] = of_kind(chart.render(), "PersistentVolumeClaim").values()

    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert of_kind(chart.render(keys={"existingClaim": "mine"}), "PersistentVolumeClaim") == {}


def test_the_notes_name_what_exists() -> None:
    assert "job/demo-automate-migrate-1" in chart.notes()
    assert "demo-automate-migrate-1" in of_kind(chart.render(), "Job")


@pytest.fixture(scope="module")
def secret_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], check=True)
    return {file.name for file in folder.iterdir()}
