"""What “Copy as” gives for each list works as pasted, against the running product."""

from __future__ import annotations

import io
import json
import os
import subprocess
from contextlib import redirect_stdout
from typing import Any

import pytest

from automate_web.copy_as import PAGES, calls_of
from automate_web.copy_as.lines import curl, python
from tests.support.product import Product

pytestmark = pytest.mark.processes
FILTERS = {"since": "24h", "q": "a b", "period": "2026-11"}


def test_each_list_s_curl_and_python_work_as_pasted(
    running_platform: Product, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_URL = running_platform.base_url
    monkeypatch.setenv("DJANGO_AUTOMATE_KEY", running_platform.ready["api_key"])
    reads = [
        call
        for page in PAGES
        for call in calls_of(page, _Any(), FILTERS, lambda permission: True)
        if call.method == "GET" and "missing" not in call.path
    ]
    lines = "\n".join(f"{curl(call)}; echo" for call in reads)

    said = subprocess.run(["sh", "-c", lines], capture_output=True, text=True, check=True, env=dict(os.environ))

    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(answers) == len(reads) > 15
    assert [answer for answer in answers if "code" in answer and "trace_id" in answer] == []
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(python(reads[1]), {})
    assert json.loads(printed.getvalue()) == answers[1]


class _Any(dict[str, Any]):
    """The address of a page about one thing: lists have none."""

    def __missing__(self, name: str) -> str:
        return "missing"
