"""What the README shows, done: its commands, its connector, and the engine in a Django project of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automate_connectors import registry
from automate_connectors.models import ConnectorError
from automate_governance.egress import EgressPolicy
from tests.support.product import Product
from tests.support.sink import Answer, Sink

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, title
    return found[1]


def block(title: str, language: str) -> str:
    [code] = re.findall(rf"```{language}\n(.*?)```", section(title), re.S)
    return str(code)


def commands(title: str) -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in block(title, "sh").splitlines()]


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.processes
def test_the_engine_works_in_a_django_project_of_its_own_as_shown(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DATABASE_"))}
    run(sys.executable, "-m", "django", "startproject", "shop", str(tmp_path), cwd=tmp_path, env=env)
    with (tmp_path / "shop" / "settings.py").open("a") as settings:
        settings.write(block("In your own Django project", "python"))
    (tmp_path / "thanks.json").write_text(block("In your own Django project", "json"))

    for python, *words in commands("In your own Django project"):
        assert python == "python"
        run(sys.executable, *words, cwd=tmp_path, env=env)

    look = "from automate.models import *; r = ExecutionRun.objects.get(); print(r.status, StepRun.objects.get().logs)"
    told = run(sys.executable, "manage.py", "shell", "-c", look, cwd=tmp_path, env=env)
    assert "succeeded" in told and "Thanks for A-1" in told


@pytest.mark.processes
def test_the_commands_shown_do_what_they_say(running_platform: Product, tmp_path: Path) -> None:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        "DJANGO_AUTOMATE_HOME": str(running_platform.home),
        "DATABASE_URL": running_platform.database_urls.app,
        "DJANGO_AUTOMATE_OWNER_DATABASE_URL": running_platform.database_urls.owner,
        "DJANGO_AUTOMATE_BASE_URL": running_platform.base_url,
    }
    first, *others = commands("The command line")
    assert first == ["automate", "up"]  # what `running_platform` is

    told = [run(sys.executable, "-m", "automate_platform", *words[1:], cwd=tmp_path, env=env) for words in others]

    assert "acme" in told[0] and "am_live_" in told[1] and "trace_id" in told[2] and told[3]


def test_each_make_target_named_is_there() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"\bmake (\w+)`", README)) <= targets
    assert commands("Start") == [["make", "up"], ["make", "test"]]


def test_the_connector_shown_works(http_sink: Sink) -> None:
    code = block("Write a connector", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    namespace: dict[str, Any] = {"__name__": "my_app.adapters"}
    exec(code.replace("https://stock.example.com", http_sink.url), namespace)
    try:
        adapter = registry.get("stock")
        namespace["default_policy"] = lambda: EgressPolicy(private_targets=(http_sink.target,))
        http_sink.answer = Answer(200, b"7 left")
        level = adapter.execute("level", {"sku": "a-1"}, {"timeout_seconds": 5.0})
        namespace["default_policy"] = EgressPolicy
        with pytest.raises(ConnectorError) as refusal:
            adapter.execute("level", {"sku": "a-1"}, {"timeout_seconds": 5.0})
    finally:
        registry._adapters.pop("stock", None)

    assert level == {"status": 200, "text": "7 left"}
    assert refusal.value.code == "egress_denied"


def test_the_pictures_are_small_and_shown_for_light_and_dark() -> None:
    shown = re.findall(r"(?:src|srcset)=\"([^\"]+)\"|!\[[^\]]+\]\(([^)]+)\)", README)
    sizes = {path: (ROOT / path).stat().st_size for pair in shown for path in pair if path}

    assert len(sizes) == 7
    assert all(size < (400_000 if path.endswith(".gif") else 120_000) for path, size in sizes.items())


def test_the_workflow_shown_is_a_definition() -> None:
    from automate.definitions import find_problems

    assert find_problems(json.loads(block("In your own Django project", "json"))) == []
