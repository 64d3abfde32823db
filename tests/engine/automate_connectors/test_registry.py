"""The registry: built-ins are always there, plugins join by code or entry point, a code has one owner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, ConnectorError, DuplicateConnector, UnknownConnector

ENGINE = Path(__file__).parents[3] / "engine"


@pytest.fixture(autouse=True)
def _registry_restored():
    registry.all()
    kept = dict(registry._adapters)
    yield
    registry._adapters.clear()
    registry._adapters.update(kept)


def make_adapter(code: object = "mine", name: object = "Mine") -> type[ConnectorAdapter]:
    def execute(self, action, params, context):
        return params

    return type("Mine", (ConnectorAdapter,), {"code": code, "name": name, "execute": execute})


def test_the_built_ins_are_always_there():
    assert registry.get("http").name == "HTTP"
    assert registry.get("core").name == "Core"
    assert list(registry.all()) == sorted(registry.all())


def test_a_registered_connector_is_found_and_shared():
    registry.register(make_adapter())

    assert registry.get("mine") is registry.get("mine")
    assert "mine" in registry.all()


def test_the_decorator_registers_and_returns_the_class():
    adapter_cls = make_adapter("decorated")

    assert registry.register_connector(adapter_cls) is adapter_cls
    assert type(registry.get("decorated")) is adapter_cls


def test_registering_the_same_class_again_changes_nothing():
    adapter_cls = make_adapter()
    registry.register(adapter_cls)
    first = registry.get("mine")
    registry.register(adapter_cls)

    assert registry.get("mine") is first


@pytest.mark.parametrize("code", ["mine", "http"])
def test_a_taken_code_is_refused_with_both_names(code):
    if code == "mine":
        registry.register(make_adapter())
    with pytest.raises(DuplicateConnector, match=f"'{code}'.*Mine.*taken by"):
        registry.register(make_adapter(code))


@pytest.mark.parametrize(("code", "name"), [("", "x"), (None, "x"), ("x", ""), ("x", 5)])
def test_an_adapter_without_code_or_name_is_refused(code, name):
    with pytest.raises(TypeError, match="class attribute"):
        registry.register(make_adapter(code, name))


@pytest.mark.parametrize("thing", [object, "http", ConnectorAdapter])
def test_what_is_no_complete_adapter_is_refused(thing):
    with pytest.raises(TypeError):
        registry.register(thing)


def test_an_unknown_code_names_the_known_ones():
    with pytest.raises(UnknownConnector) as raised:
        registry.get("nope")

    assert "http" in raised.value.details["known"]


def test_entry_points_are_loaded_and_a_broken_one_is_named(tmp_path):
    """A plugin as it is installed: a distribution with an entry point, seen by a fresh process."""
    (tmp_path / "my_plugin.py").write_text(
        "from automate_connectors.adapters.base import ConnectorAdapter\n"
        "class MyERP(ConnectorAdapter):\n"
        "    code, name = 'my_erp', 'My ERP'\n"
        "    def execute(self, action, params, context): return {'done': action}\n"
    )
    metadata = tmp_path / "my_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[django_automate.connectors]\nmy_erp = my_plugin:MyERP\nbroken = no_such_module:X\n"
    )
    script = (
        "from automate_connectors import registry\n"
        "print(registry.get('my_erp').execute('x', {}, {}), registry.get('http').code, registry.failures())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{ENGINE}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.startswith("{'done': 'x'} http {'broken': \"ModuleNotFoundError:")


def test_the_example_of_the_how_to_page_runs_unchanged():
    class LegacyERPAdapter(ConnectorAdapter):
        code = "legacy_erp"
        name = "Legacy ERP System"
        description = "Integration with the on-prem SOAP ERP."
        # Define the inputs/outputs for the UI
        actions = {
            "create_order": ActionSpec(
                inputs={
                    "customer_id": {"type": "string", "required": True},
                    "items": {"type": "array", "required": True},
                },
                outputs={"order_id": {"type": "string"}},
            )
        }

        def execute(self, action: str, params: dict, context: dict):
            if action == "create_order":
                try:
                    # context['secrets'] is automatically populated based on SecretRefs
                    api_key = context["secrets"].get("API_KEY")
                    result = self._soap_client.create_order(key=api_key, **params)
                    return {"order_id": result.id}
                except Exception as e:
                    # Wrap unknowns in NormalizedError
                    raise ConnectorError(f"ERP Failed: {str(e)}", retryable=True)  # noqa: B904, RUF010 - as printed
            raise NotImplementedError(f"Action {action} unknown")

    class SoapClient:
        def create_order(self, *, key, customer_id, items):
            if not items:
                raise ValueError("no items")
            return type("Result", (), {"id": f"{customer_id}-{len(items)}-{key}"})

    registry.register(LegacyERPAdapter)
    adapter = registry.get("legacy_erp")
    adapter._soap_client = SoapClient()
    context = {"secrets": {"API_KEY": "k"}}

    assert adapter.execute("create_order", {"customer_id": "c", "items": [1]}, context) == {"order_id": "c-1-k"}
    with pytest.raises(ConnectorError, match="ERP Failed: no items") as raised:
        adapter.execute("create_order", {"customer_id": "c", "items": []}, context)
    assert raised.value.retryable
    assert not adapter.actions["create_order"].may_repeat({}, {})
    with pytest.raises(NotImplementedError):
        adapter.execute("cancel", {}, context)
