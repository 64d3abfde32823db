"""Our own port is open to workflows, for the echo endpoint. That must not make them people at this machine."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.platform.test_up import get
from tests.support.product import Product
from tests.support.waiting import Eventually

pytestmark = pytest.mark.processes


def call(product: Product, method: str, path: str, body: Any = None, **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {product.ready['api_key']}", "Content-Type": "application/json", **headers}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(product.ready["api_url"] + path, data=data, headers=sent, method=method)
    with urllib.request.urlopen(request, timeout=15) as response:
        return json.load(response)


def test_a_workflow_cannot_read_the_letters_of_the_mailbox(running_platform: Product, eventually: Eventually) -> None:
    """A letter resets a password: whoever may edit a workflow would own every account of the installation."""
    mailbox = f"{running_platform.base_url}/mailbox/"
    step = {
        "id": "read",
        "connector": "http",
        "action": "request",
        "params": {"method": "GET", "url": mailbox, "ok_statuses": [404]},
    }
    trigger = {"type": "event", "event_type": "letters.wanted"}
    definition = {"slug": "thief", "name": "Thief", "trigger": trigger, "rule": None, "steps": [step]}
    call(running_platform, "POST", "workflows", definition)
    call(running_platform, "POST", "workflows/thief/versions", {}, **{"If-Match": "*"})

    call(running_platform, "POST", "events", {"type": "letters.wanted", "payload": {}})

    ended = eventually(
        lambda: [
            run
            for run in call(running_platform, "GET", "runs?workflow=thief")["results"]
            if run["status"] in {"succeeded", "failed"}
        ]
    )
    run = call(running_platform, "GET", f"runs/{ended[0]['id']}")
    assert run["status"] == "succeeded", run  # it was answered 404
    assert get(mailbox)[0] == 200  # a person at this machine reads them
