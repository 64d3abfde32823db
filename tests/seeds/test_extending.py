"""The page "Extending": plugin registry, core contracts, contract tests."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ConnectorError
from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend
from automate_llm.providers.base import LLMProvider
from automate_testing.contracts import ConnectorContractTest
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.conftest import ENGINE, PLUGIN
from tests.seeds.promise import promise

SETTINGS = (
    "from django.conf import settings\n"
    "settings.configure(INSTALLED_APPS=['automate'], DJANGO_AUTOMATE={'SECRETS': {'backend': 'vaults'}},\n"
    "  DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3'}})\n"
    "import django; django.setup()\n"
)


@promise("extending", "The platform is designed as a modular core.")
def test_the_core_is_layers_that_import_downwards() -> None:
    contract = (ENGINE.parent / "pyproject.toml").read_text()
    layers = ["automate", "automate_llm", "automate_connectors", "automate_governance"]
    stated = contract.partition("layers = [")[2].partition("]")[0]

    assert [name for name in stated.replace('"', " ").replace(",", " ").split() if name in layers] == layers


@promise("extending", "Almost every component (Connectors, Secrets, LLMs) is a plugin.")
def test_connectors_secrets_and_llms_are_plugins(installed: Any) -> None:
    code = (
        SETTINGS + "from automate_connectors import registry\nfrom automate_llm.providers import registry as models\n"
        "from automate.secrets import resolve\n"
        "print(registry.get('my_erp').name, resolve('$secret:X'), models.get('my_model').chat([], {}))"
    )
    assert installed(code) == "My ERP theirs:X hi"


@promise("extending", "We use Python entry_points to discover plugins.")
def test_plugins_are_discovered_by_entry_points(installed: Any) -> None:
    code = "from automate_connectors import registry\nprint(sorted(registry.all()))"

    assert "'my_erp'" in installed(code)


@promise(
    "extending",
    '[project.entry-points."django_automate.connectors"] my_erp = "my_app.adapters:MyERPAdapter"',
)
def test_the_entry_point_group_of_connectors(installed: Any) -> None:
    code = "from automate_connectors import registry\nprint(registry.get('my_erp').execute('ping', {}, {}))"

    assert installed(code) == "{'pong': True}"


@promise(
    "extending",
    '[project.entry-points."django_automate.secrets.backends"] vault = "my_app.secrets:HashiCorpVaultBackend"',
    note="`vault` itself is built in; a plugin takes a name of its own",
)
def test_the_entry_point_group_of_secrets_backends(installed: Any) -> None:
    assert installed(SETTINGS + "from automate.secrets import resolve\nprint(resolve('$secret:KEY'))") == "theirs:KEY"


@promise("extending", "Connectors (ConnectorAdapter). Located in automate_connectors.adapters.base.")
def test_connector_adapter_is_where_the_page_says() -> None:
    assert ConnectorAdapter.__module__ == "automate_connectors.adapters.base"
    assert inspect.isabstract(ConnectorAdapter)


@promise("extending", "code: str # Unique identifier. name: str # Human readable label")
def test_a_connector_has_a_unique_code_and_a_readable_name() -> None:
    from automate_connectors import registry
    from automate_connectors.models import DuplicateConnector

    class Another(ConnectorAdapter):
        code, name = "http", "Not that one"

        def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
            return {}

    with pytest.raises(DuplicateConnector):
        registry.register(Another)
    assert all(adapter.name for adapter in registry.all().values())


@promise(
    "extending",
    "def execute(self, action: str, params: dict, context: dict) -> Any: Execute the side effect. Must raise"
    " ConnectorError on failure.",
)
def test_execute_takes_action_params_and_context(bench: Bench, scripted: Any) -> None:
    def fail(params: Any, context: Any) -> Any:
        if context["step_id"] == "told":
            raise ConnectorError("The door is locked.", code="locked", details={"door": 7})
        raise KeyError("a mistake in the connector")

    scripted.script = staticmethod(fail)
    bench.publish(step("told", on_error="continue"), step("crashed", retry={"attempts": 1}))
    bench.emit()
    bench.work()

    assert list(inspect.signature(ConnectorAdapter.execute).parameters) == ["self", "action", "params", "context"]
    assert "execute" in ConnectorAdapter.__abstractmethods__
    errors = {attempt.step_id: attempt.error or {} for attempt in bench.steps()}
    assert (errors["told"]["code"], errors["told"]["details"]) == ("locked", {"door": 7})
    assert errors["crashed"]["code"] not in ("locked", "")  # not raised as the contract says, and not lost either
    assert bench.run().status == "failed"


@promise("extending", "def validate_config(self, config: dict): Optional: Validate setup configuration.")
def test_validate_config_is_optional() -> None:
    assert list(inspect.signature(ConnectorAdapter.validate_config).parameters) == ["self", "config"]
    assert "validate_config" not in ConnectorAdapter.__abstractmethods__


@promise("extending", "Secrets (SecretsBackend). Located in automate_governance.secrets.interfaces.")
def test_secrets_backend_is_where_the_page_says() -> None:
    assert SecretsBackend.__module__ == "automate_governance.secrets.interfaces"
    assert inspect.isabstract(SecretsBackend)


@promise(
    "extending",
    "def get_secret(self, key: str) -> str: Return the raw secret value. Raise SecretNotFoundError if missing.",
)
def test_get_secret_returns_the_value_or_raises_secret_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from automate_governance.secrets.environment import EnvBackend

    monkeypatch.setenv("AUTOMATE_THERE", "value")

    assert list(inspect.signature(SecretsBackend.get_secret).parameters) == ["self", "key"]
    assert EnvBackend().get_secret("THERE") == "value"
    with pytest.raises(SecretNotFoundError):
        EnvBackend().get_secret("NOT_THERE")


@promise("extending", "LLM Providers (LLMProvider). Located in automate_llm.providers.base.")
def test_llm_provider_is_where_the_page_says() -> None:
    assert LLMProvider.__module__ == "automate_llm.providers.base"
    assert LLMProvider.__abstractmethods__ == {"chat", "count_tokens"}


@promise("extending", "def chat(self, messages: list, options: dict) -> str: Synchronous chat completion.")
def test_chat_is_a_synchronous_completion(llm_server: Any) -> None:
    from automate_governance.egress import Egress, EgressPolicy
    from automate_llm.providers.compatible import CompatibleProvider
    from tests.support.llm_server import KEY

    egress = Egress(EgressPolicy(private_targets=(llm_server.target,)))
    provider = CompatibleProvider(api_key=KEY, base_url=llm_server.url, egress=egress)

    assert list(inspect.signature(LLMProvider.chat).parameters) == ["self", "messages", "options"]
    assert provider.chat([{"role": "user", "content": "?"}], {"model": "stand-in-1"}) == "hello"


@promise("extending", "def count_tokens(self, text: str) -> int: Estimate token usage.")
def test_count_tokens_estimates_usage() -> None:
    from automate_llm.providers.openai import OpenAIProvider

    assert 0 < OpenAIProvider().count_tokens("word") < OpenAIProvider().count_tokens("word " * 100)


@promise("extending", "We ship with Contract Tests to ensure your plugin behaves correctly.")
def test_contract_tests_are_shipped_for_each_kind_of_plugin() -> None:
    from automate_testing import contracts

    assert {"ConnectorContractTest", "SecretsBackendContractTest", "LLMProviderContractTest"} <= set(contracts.__all__)
    assert '"automate_testing"' in (ENGINE / "pyproject.toml").read_text()


@promise(
    "extending",
    "from automate_testing.contracts import ConnectorContractTest class TestMyERP(ConnectorContractTest): adapter_cls ="
    " MyERPAdapter def test_execute_success(self): # Your specific test logic pass",
)
def test_a_connector_is_tested_by_inheriting_its_contract(tmp_path: Path) -> None:
    (tmp_path / "my_app.py").write_text(
        PLUGIN + "class CarelessAdapter(MyERPAdapter):\n"
        "    code = 'careless'\n"
        "    def execute(self, action, params, context):\n"
        "        params['seen'] = True\n        return {'pong': object()}\n"
    )
    (tmp_path / "test_my_erp.py").write_text(
        "from automate_testing.contracts import ConnectorContractTest\n"
        "from my_app import CarelessAdapter, MyERPAdapter\n\n\n"
        "class TestMyERP(ConnectorContractTest):\n"
        "    adapter_cls = MyERPAdapter\n\n"
        "    def test_execute_success(self):\n        pass\n\n\n"
        "class TestCareless(ConnectorContractTest):\n"
        "    adapter_cls = CarelessAdapter\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:django", str(tmp_path)]
    ran = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": f"{ENGINE}:{tmp_path}"}, capture_output=True, text=True, timeout=60
    )

    assert "FAILED test_my_erp.py::TestCareless::" in ran.stdout
    assert "FAILED test_my_erp.py::TestMyERP::" not in ran.stdout
    assert len([name for name in dir(ConnectorContractTest) if name.startswith("test_")]) >= 10
