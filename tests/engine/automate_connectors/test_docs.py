"""The code on the pages about connectors and redaction runs as printed."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from automate_connectors import registry
from automate_governance.egress import EgressPolicy

DOCS = Path(__file__).parents[3] / "web" / "automate_web" / "docs"


def code_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture
def weather_server():
    released = threading.Event()

    class Weather(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/slow":
                released.wait(30)
            self.send_response(200 if self.path == "/oslo" else 404)
            self.end_headers()
            self.wfile.write(b"rain")

        def log_message(self, *_arguments: Any) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Weather) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        released.set()
        server.shutdown()


def test_the_printed_connector_passes_its_printed_contract_test(weather_server):
    adapter_code, test_code = code_of("connectors.md")
    namespace: dict[str, Any] = {"__name__": "my_app.adapters"}
    exec(adapter_code, namespace)
    exec(test_code, namespace)
    try:
        port = weather_server.server_port
        namespace["default_policy"] = lambda: EgressPolicy(private_targets=(f"127.0.0.1:{port}",))
        adapter_cls = type(registry.get("weather"))
        adapter_cls.base_url = f"http://127.0.0.1:{port}"
        suite = namespace["TestWeather"]()
        names = [name for name in dir(suite) if name.startswith("test_")]
        for name in names:
            getattr(suite, name)()
    finally:
        registry._adapters.pop("weather", None)

    assert len(names) == 14
    assert "rain" in str(adapter_cls().execute("now", {"city": "oslo"}, suite.make_context()))


def test_the_printed_redaction_holds():
    (code,) = code_of("redaction.md")
    exec(code, {})
