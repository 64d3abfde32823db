"""The import contracts catch what they are for: each is broken on purpose in a scratch copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("engine", "platform", "tenants", "billing", "web")
DOWN = "Imports point down"
VIOLATIONS = [
    ("tenants/automate_tenants/context.py", "import automate_web.addresses", DOWN),
    ("tenants/automate_tenants/host.py", "import automate_billing.plans", DOWN),
    ("billing/automate_billing/meters.py", "import automate_web.addresses", DOWN),
    ("engine/automate/ids.py", "def late() -> None:\n    import automate_tenants.slugs", DOWN),
    ("engine/automate_connectors/core.py", "import automate.ids", DOWN),
    ("engine/automate_governance/clock.py", "import automate_connectors.models", DOWN),
    ("web/automate_web/filters.py", "import automate_testing.contracts", "Production never imports"),
    ("web/automate_web/gateway/echo.py", "import django.utils.timezone", "start without Django"),
    ("engine/automate_governance/redaction/names.py", "from django.conf import settings", "start without Django"),
]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("sources")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for root in SOURCE_ROOTS:
        shutil.copytree(ROOT / root, copy / root, ignore=lambda folder, names: [n for n in names if _is_no_code(n)])
    return copy


def _is_no_code(name: str) -> bool:
    return name in {"static", "templates", "docs", "__pycache__"}


def lint(copy: Path) -> tuple[int, str]:
    """import-linter's exit code and report on the copy."""
    found_first = os.pathsep.join(str(copy / root) for root in SOURCE_ROOTS)
    code = "from importlinter.cli import lint_imports_command\nlint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": found_first, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_sources_keep_every_contract(scratch: Path) -> None:
    code, report = lint(scratch)

    assert (code, "0 broken" in report) == (0, True), report


@pytest.mark.parametrize(("file", "offence", "contract"), VIOLATIONS, ids=[file for file, _, _ in VIOLATIONS])
def test_a_broken_contract_is_caught(scratch: Path, file: str, offence: str, contract: str) -> None:
    path = scratch / file
    sound = path.read_text()
    path.write_text(f"{sound}\n\n{offence}\n")
    try:
        code, report = lint(scratch)
    finally:
        path.write_text(sound)

    assert code == 1, report
    assert any(contract in line and line.endswith("BROKEN") for line in report.splitlines()), report


def test_all_of_governance_starts_without_django_but_its_tables() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [sources] = [c["source_modules"] for c in contracts if c["name"].startswith("The gateway and the lowest layer")]
    folder = ROOT / "engine" / "automate_governance"
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    missing = {f"automate_governance.{name}" for name in modules} - set(sources)

    assert missing == {f"automate_governance.{name}" for name in ("__init__", "apps", "models", "migrations")}
