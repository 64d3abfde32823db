"""What a browser keeps: styles and scripts, compressed. What each page weighs, the walk sees (test_every_page.py)."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage, Person

pytestmark = pytest.mark.browser


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
