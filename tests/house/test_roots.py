"""The top-level folders are source roots, never packages: `platform/` must not hide the standard library's module."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = [name for name in ("engine", "platform", "tenants", "billing", "web") if (ROOT / name).is_dir()]


def test_platform_is_the_standard_librarys():
    assert platform.python_version() == sys.version.split()[0]


def test_platform_is_the_standard_librarys_when_started_in_the_root():
    command = [sys.executable, "-c", "import platform, uuid; print(platform.__file__)"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={"PYTHONPATH": "."})

    assert Path(found.stdout.strip()) == Path(platform.__file__)


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_a_source_root_is_no_package_and_holds_no_loose_module(root):
    assert [file.name for file in (ROOT / root).glob("*.py")] == []


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_a_source_root_holds_no_tests(root):
    found = [file for pattern in ("test_*.py", "*_test.py", "conftest.py") for file in (ROOT / root).rglob(pattern)]

    assert found == []
