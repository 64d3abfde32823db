"""What the product imports is what its pins install: a developers' tool would be missing at a user's."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCTION = [ROOT / root for root in ("engine", "platform", "tenants", "billing", "web")]
FOR_PLUGIN_AUTHORS = ROOT / "engine" / "automate_testing"


def imported(file: Path) -> set[str]:
    """Top-level names of the modules that `file` imports absolutely."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def extras_of(project: Path) -> set[str]:
    """Distributions that a project's extras name: whoever imports them says so where he needs them."""
    extras = tomllib.loads(project.read_text())["project"]["optional-dependencies"]
    return {re.split(r"[\[<>=!~ ]", wanted)[0].lower() for wanteds in extras.values() for wanted in wanteds}


def test_every_import_of_production_code_is_pinned_at_run_time():
    files = [f for root in PRODUCTION for f in root.rglob("*.py") if FOR_PLUGIN_AUTHORS not in f.parents]
    found = {name for file in files for name in imported(file)}
    foreign = {name for name in found if name not in sys.stdlib_module_names and not name.startswith("automate")}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    distributions = packages_distributions()

    optional = extras_of(ROOT / "engine" / "pyproject.toml")
    foreign -= {name for name in foreign if {d.lower() for d in distributions.get(name, [name])} & optional}
    missing = {n for n in foreign if not {d.lower().replace("_", "-") for d in distributions.get(n, [n])} & pinned}

    assert missing == set()


def test_no_pin_records_a_registry_address():
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-bootstrap.txt"):
        assert "://" not in (ROOT / name).read_text()
