"""What a first visit costs: every byte that crosses the wire, and names under which it may be kept for ever."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import OpenPage, Person
from tests.support.product import Product

pytestmark = pytest.mark.browser
MAX_BYTES = 150_000
MAX_SCRIPT_BYTES = 60_000


@pytest.mark.parametrize(
    "path", ["/login/", "/signup/", "{workspace}/start/", "{workspace}/runs/", "{workspace}/events/"]
)
def test_a_first_visit_transfers_at_most_150_kb(
    open_page: OpenPage, person: Person, running_platform: Product, path: str
) -> None:
    page = open_page(person if "{" in path else None)
    kinds: dict[str, str] = {}
    received: dict[str, int] = {}
    wire: Any = page.context.new_cdp_session(page)
    wire.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: told["type"]}))
    wire.on(
        "Network.loadingFinished", lambda told: received.update({told["requestId"]: int(told["encodedDataLength"])})
    )
    wire.send("Network.enable")

    page.goto(path.format(workspace=person.workspace) if "{" in path else f"{running_platform.base_url}{path}")
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")

    scripts = sum(size for request, size in received.items() if kinds.get(request) == "Script")
    print(f"{path}: {sum(received.values()):,} bytes, {scripts:,} of them scripts")
    assert "Stylesheet" in kinds.values() and "Font" in kinds.values()
    assert sum(received.values()) <= MAX_BYTES
    assert scripts <= MAX_SCRIPT_BYTES


def test_styles_and_scripts_are_compressed_and_may_be_kept_for_ever(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    answers = []
    page.on("response", lambda answer: answers.append(answer) if "/static/" in answer.url else None)
    page.goto(f"{person.workspace}/runs/")
    page.wait_for_load_state("load")

    assert answers
    assert [answer.url for answer in answers if "immutable" not in answer.headers["cache-control"]] == []
    plain = [answer for answer in answers if answer.url.endswith(".css") and "tokens" not in answer.url]
    assert plain and {answer.headers.get("content-encoding") for answer in plain} == {"br"}
