"""The two pages about the API: every code is listed, every command works as printed."""

from __future__ import annotations

import importlib
import importlib.resources
import pkgutil
import re
import shlex
from collections.abc import Iterator

import pytest

import automate_web
from automate_governance.errors import NormalizedError
from automate_web.api import errors as api_errors
from tests.web.api.support import Api

DOCS = importlib.resources.files(automate_web) / "docs"
PACKAGES = ("automate", "automate_governance", "automate_connectors", "automate_tenants", "automate_web")


def kinds(kind: type[NormalizedError]) -> Iterator[type[NormalizedError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


@pytest.fixture(scope="module")
def all_kinds() -> list[type[NormalizedError]]:
    """Every error of the product, wherever it is defined."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not any(part in module.name for part in (".migrations", ".management", ".backends.mariadb")):
                importlib.import_module(module.name)
    return [kind for kind in kinds(NormalizedError) if kind.__module__.startswith(PACKAGES)]


def test_every_code_is_listed_with_its_status(all_kinds: list[type[NormalizedError]]) -> None:
    page = (DOCS / "errors.md").read_text()
    with_status = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.M))
    in_runs = set(re.findall(r"^\| `(\w+)` \| [^\d]", page, re.M))

    for kind in all_kinds:
        assert kind.code in {*with_status, *in_runs}, kind
        assert with_status.get(kind.code, str(kind.http_status)) == str(kind.http_status), kind


def test_every_listed_code_exists(all_kinds: list[type[NormalizedError]]) -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "errors.md").read_text(), re.M))

    assert listed <= {kind.code for kind in all_kinds}
    assert api_errors.InternalError.code in listed


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", (DOCS / "api.md").read_text(), re.S)
    joined = "".join(blocks).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip()]


@pytest.mark.django_db
@pytest.mark.parametrize("command", commands())
def test_every_command_works_as_printed(command: str, api: Api) -> None:
    words = shlex.split(command.replace("$API_URL", "/api/v1").replace("$API_KEY", api.key))
    assert words.pop(0) == "curl"
    url = words.pop(0) if not words[0].startswith("-") else ""
    method, body, headers = "GET", b"", {}
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-d":
            body = words.pop(0).encode()
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        else:
            url = word

    answer = api.client.generic(
        method, url, body, content_type=headers.pop("Content-Type", "application/octet-stream"), headers=headers
    )

    assert answer.status_code in {200, 201, 202}, answer.content
