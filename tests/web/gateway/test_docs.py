"""The page about webhooks says what is so: every refusal is listed, and its examples work as printed."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automate.ingest.refusal import all_refusals
from tests.web.gateway.conftest import Inside, Sender

PAGE = Path(__file__).resolve().parents[3] / "web" / "automate_web" / "docs" / "webhooks.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    return found[1]


def test_every_refusal_is_listed_with_its_meaning() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert rows == [(str(kind.http_status), kind.code, inspect.cleandoc(kind.__doc__ or "")) for kind in all_refusals()]


@pytest.mark.processes
def test_the_examples_work_as_printed(alpha: Sender, inside: Callable[[Sender], Inside]) -> None:
    told = {"WEBHOOK_URL": alpha.gateway.url + alpha.path, "DJANGO_AUTOMATE_KEY": alpha.workspace.api_key}
    environment = {**os.environ, **told}

    curl = subprocess.run(["bash", "-c", block("bash")], env=environment, capture_output=True, text=True, check=True)
    python = subprocess.run(
        [sys.executable, "-c", block("python")], env=environment, capture_output=True, text=True, check=True
    )

    assert set(json.loads(curl.stdout)) == {"event_id", "trace_id"} == set(json.loads(block("json")))
    assert python.stdout.split() == ["202", json.loads(curl.stdout)["event_id"]]
    assert inside(alpha).count("event") == 1
