"""The scenario of people and senders plays against the running product without one request that fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadtests.mixed import play, report

from tests.support.product import Product

pytestmark = pytest.mark.processes


def test_senders_programs_and_people_get_their_answers(running_platform: Product, tmp_path: Path) -> None:
    ready, base_url = running_platform.ready, running_platform.base_url
    demo = {
        **{name: ready[name] for name in ("api_key", "email", "password")},
        "hook_url": ready["webhook_url"],
        "base_url": base_url,
        "api_url": f"{base_url}/api/v1",
        "folder": f"{base_url}/w/demo",
    }

    figures, accepted = play(tmp_path, [demo], users=8, seconds=4)
    for _ in range(4):  # a machine that stalls may answer nothing within four seconds
        if accepted:
            break
        figures, accepted = play(tmp_path, [demo], users=8, seconds=4)

    assert {each["name"]: each["num_failures"] for each in figures if each["num_failures"]} == {}
    assert len(set(accepted)) > 0
    posted = sum(each["num_requests"] for each in figures if each["name"].startswith("webhook"))
    assert len(accepted) == posted
    text = report(figures, seconds=4, lost=0, repeated=0, accepted=len(accepted), title="Test")
    assert f"{len(accepted):,} events accepted" in text
