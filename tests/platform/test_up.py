"""`automate up`, for real: one command, one port, everything answers, everything stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.support import product, server

pytestmark = pytest.mark.processes


def get(url: str, key: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def post(url: str, body: object, key: str) -> tuple[int, dict]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.status, json.load(response)


def automate(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end on the installation in `home`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "DATABASE_URL", "PORT"))}
    return subprocess.run(
        [sys.executable, "-m", "automate_platform", *arguments],
        env={**inherited, "DJANGO_AUTOMATE_HOME": str(home), **environment}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def on(running: product.Product) -> dict[str, object]:
    return {"home": running.home, "DATABASE_URL": running.database_urls.app}


def test_a_webhook_becomes_a_finished_run(running_platform, eventually):
    ready = running_platform.ready

    status, accepted = post(ready["webhook_url"], {"name": "Ada"}, ready["api_key"])

    assert status == 202
    run = eventually(lambda: _run_of(ready, accepted["event_id"]))
    assert (run["steps_done"], run["trace_id"]) == (3, accepted["trace_id"])


def _run_of(ready: dict[str, str], event_id: str) -> dict | None:
    """The event's run once it has succeeded."""
    _, body = get(f"{ready['api_url']}runs", ready["api_key"])
    runs = [run for run in json.loads(body)["results"] if run["event_id"] == event_id]
    return next((run for run in runs if run["status"] == "succeeded"), None)


def test_ready_json_says_how_to_reach_everything_and_is_private(running_platform):
    file = running_platform.home / "ready.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    names = {"portal_url", "api_url", "webhook_url", "api_key", "email", "password", "workspace"}
    assert set(running_platform.ready) == names
    for name in ("portal_url", "api_url", "webhook_url"):
        assert running_platform.ready[name].startswith("http://127.0.0.1:")
    assert get(running_platform.base_url + "/login/")[0] == 200
    assert get(running_platform.base_url + "/healthz")[0] == 200
    assert get(running_platform.base_url + "/readyz")[0] == 200


def test_every_secret_and_key_is_for_its_owner_alone(running_platform):
    for folder in ("secrets", "keys"):
        found = list((running_platform.home / folder).rglob("*"))
        files = [path for path in found if path.is_file()]
        assert files
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        folders = [path for path in found if path.is_dir()]  # of the audit log's heads
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} <= {0o700}


def test_doctor_finds_nothing_broken_with_two_roles(running_platform):
    done = automate("doctor", "--json", **on(running_platform))

    findings = json.loads(done.stdout)
    assert done.returncode == 0, findings
    assert {f["state"] for f in findings if f["subject"] in {"roles", "schema", "files"}} == {"ok"}


def test_doctor_says_which_promises_one_role_for_everything_breaks(running_platform):
    done = automate("doctor", home=running_platform.home, DATABASE_URL=running_platform.database_urls.owner)

    assert done.returncode == 0
    assert "may run DDL" in done.stdout


def test_a_workspace_a_key_and_an_event_from_the_command_line(running_platform, eventually):
    made = json.loads(
        automate("tenants", "create", "cli", "--owner", "a@b.example", "--json", **on(running_platform)).stdout
    )
    key = json.loads(
        automate("keys", "create", "cli", "--scope", "events:write", "--json", **on(running_platform)).stdout
    )["api_key"]

    sent = automate(
        "events", "send", "a.b", "--data", '{"x": 1}', "--json", DJANGO_AUTOMATE_KEY=key, **on(running_platform)
    )

    assert json.loads(sent.stdout)["event_id"]
    listed = json.loads(automate("tenants", "list", "--json", **on(running_platform)).stdout)
    assert {"demo", "cli"} <= {row["slug"] for row in listed}
    _, events = get(f"{running_platform.base_url}/api/v1/events", made["api_key"])
    assert [event["type"] for event in json.loads(events)["results"]] == ["a.b"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("tenants", "suspend", "nobody-here"), 4, "resource_not_found"),
        (("tenants", "create", "demo", "--owner", "x@y.example"), 5, "slug_taken"),
        (("keys", "create", "demo", "--scope", "all:things"), 5, "invalid_key"),
        (("events", "send", "a.b", "--data", "{not json"), 5, "not JSON"),
        (("events", "fly"), 2, "invalid choice"),
    ],
)
def test_a_wrong_command_says_what_is_wrong_and_ends_with_its_code(running_platform, arguments, code, words):
    done = automate(*arguments, **on(running_platform))

    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr


def test_a_port_in_use_is_told_with_the_way_out(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = automate("up", "--port", str(port), home=tmp_path)

    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr


def test_a_second_up_in_the_same_home_is_refused_and_the_first_goes_on(running_platform):
    done = automate("up", "--port", "0", home=running_platform.home)

    assert done.returncode == 1
    assert "already runs" in done.stderr
    assert get(running_platform.base_url + "/healthz")[0] == 200
    assert get(running_platform.base_url + "/readyz")[0] == 200


def test_embedded_and_alone_it_starts_stops_and_comes_back_the_same(tmp_path, eventually):
    """Killed processes come back; a stop leaves none; a second start shows the same log-in and key."""
    first = _up(tmp_path, eventually)
    ready = json.loads((tmp_path / "ready.json").read_text())
    children = psutil.Process(first.pid).children(recursive=True)
    gateway = next(child for child in children if "gateway" in child.cmdline())

    gateway.kill()
    eventually(lambda: "gateway ended" in (tmp_path / "up.log").read_text())
    base = ready["api_url"].partition("/api/")[0]
    eventually(lambda: _answers(base + "/healthz"))
    children += psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGINT)

    assert first.wait(60) == 0
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert not (tmp_path / "ready.json").exists()

    second = _up(tmp_path, eventually)  # on another port
    again = json.loads((tmp_path / "ready.json").read_text())
    _, accepted = post(again["webhook_url"], {"name": "Ada"}, again["api_key"])
    eventually(lambda: _run_of(again, accepted["event_id"]))  # the sample calls the new address
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0
    same = ("api_key", "email", "password", "workspace")
    assert [again[name] for name in same] == [ready[name] for name in same]


def test_killed_it_takes_its_children_with_it_and_starts_again(tmp_path, eventually):
    first = _up(tmp_path, eventually)
    children = psutil.Process(first.pid).children(recursive=True)
    ours = [child for child in children if "automate_platform" in child.cmdline()]
    first.kill()
    first.wait()

    eventually(lambda: not any(_lives(child) for child in ours), seconds=40)

    second = _up(tmp_path, eventually)  # finds the PostgreSQL left behind
    second.send_signal(signal.SIGINT)
    assert second.wait(60) == 0
    assert not any(_lives(child) for child in children)


def _up(home: Path, eventually) -> subprocess.Popen[bytes]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "DATABASE_URL", "PORT"))}
    (home / "ready.json").unlink(missing_ok=True)  # of an `up` that was killed
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "automate_platform", "up", "--port", "0"],
            env={**inherited, "DJANGO_AUTOMATE_HOME": str(home)}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        eventually(lambda: (home / "ready.json").exists() or process.poll() is not None, seconds=product.START_SECONDS)
        assert process.poll() is None, (home / "up.log").read_text()
    except AssertionError:
        process.terminate()
        process.wait(60)
        raise
    return process


def _answers(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except OSError:
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_tests_own_server_is_not_the_products(running_platform):
    """The product under test has a database of its own, so nothing done here is seen by other tests."""
    assert running_platform.database_urls.app != server.urls(server.DATABASE).app
