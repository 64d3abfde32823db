"""The processes run by themselves, under somebody else's supervisor, as the page for operators says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support import product
from tests.support.waiting import Eventually

pytestmark = pytest.mark.processes


@pytest.fixture
def apart(django_db_setup: None, eventually: Eventually) -> Iterator[product.Product]:
    """A copy that `automate up` has prepared and left; its gateway, web and worker then started one by one."""
    copy = product.start("apart")
    assert product.stop(copy) == 0
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    port = copy.base_url.rpartition(":")[2]
    env = {
        **inherited,
        "PORT": port,
        "DJANGO_AUTOMATE_HOME": str(copy.home),
        "DATABASE_URL": copy.database_urls.app,
        "DJANGO_AUTOMATE_OWNER_DATABASE_URL": copy.database_urls.owner,
        "DJANGO_AUTOMATE_BASE_URL": copy.base_url,
        "DJANGO_AUTOMATE_PRIVATE_TARGETS": f"127.0.0.1:{port}",
    }
    run = [sys.executable, "-m", "automate_platform"]
    subprocess.run([*run, "migrate"], env=env, check=True, capture_output=True, timeout=60)
    with ExitStack() as stack:
        log = stack.enter_context((copy.home / "apart.log").open("wb"))
        children = [
            subprocess.Popen([*run, name], env=env, stdout=log, stderr=log) for name in ("gateway", "web", "worker")
        ]
        try:
            eventually(lambda: get(f"{copy.base_url}/api/v1/openapi.json"), seconds=40)  # through gateway and web
            yield copy
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
            codes = [child.wait(40) for child in children]
    assert set(codes) <= {0, -signal.SIGTERM}  # finished, then ended as told


def get(url: str, **headers: str) -> Any:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        refusal.close()
    except OSError:
        pass  # not up yet
    return None


def test_gateway_web_and_worker_run_without_up(apart: product.Product, eventually: Eventually) -> None:
    key = {"Authorization": f"Bearer {apart.ready['api_key']}"}
    sent = urllib.request.Request(
        apart.ready["webhook_url"], json.dumps({"name": "Ada"}).encode(), {**key, "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=60) as answer:
        assert answer.status == 202

    [run] = eventually(lambda: get(f"{apart.base_url}/api/v1/runs?status=succeeded", **key)["results"])

    assert run["steps_done"] == run["steps_total"] == 3  # the sample's call to our own echo endpoint among them
