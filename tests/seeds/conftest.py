"""Real parts for the promises: a workspace with its worker, the whole product, the engine alone, models that cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.automate.execution.conftest import bench, scripted
from tests.engine.automate_governance.test_vault import vault
from tests.engine.automate_llm.conftest import ask_model, spending, tenant
from tests.engine.plain.conftest import make_project
from tests.web.api.conftest import api, make_api
from tests.web.gateway.conftest import alone
from tests.web.portal.conftest import enter

__all__ = [
    "alone", "api", "ask_model", "bench", "enter", "make_api", "make_project", "scripted", "spending", "tenant",
    "vault",
]  # fmt: skip
ENGINE = Path(__file__).parents[2] / "engine"
PLUGIN = """
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec
from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend
from automate_llm.providers.base import LLMProvider

class MyERPAdapter(ConnectorAdapter):
    code, name = "my_erp", "My ERP"
    actions = {"ping": ActionSpec(effect="read")}
    def execute(self, action, params, context):
        if action != "ping":
            raise NotImplementedError(action)
        return {"pong": True}

class HashiCorpVaultBackend(SecretsBackend):
    def get_secret(self, key):
        return "theirs:" + key

class MyModel(LLMProvider):
    code = "my_model"
    def chat(self, messages, options):
        return "hi"
    def count_tokens(self, text):
        return len(text.split())
"""


@pytest.fixture
def installed(tmp_path: Path) -> Any:
    """`installed(code)`: what the code prints in a process where a plugin's distribution is installed."""
    (tmp_path / "my_app.py").write_text(PLUGIN)
    info = tmp_path / "my_app-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-app\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[django_automate.connectors]\nmy_erp = my_app:MyERPAdapter\n"
        "[django_automate.secrets.backends]\nvaults = my_app:HashiCorpVaultBackend\n"
        "[django_automate.llm.providers]\nmy_model = my_app:MyModel\n"
    )

    def run(code: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": f"{ENGINE}:{tmp_path}"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    return run
