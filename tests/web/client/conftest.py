"""The command line in this process, speaking to the product's own WSGI application with real keys."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.wsgi import get_wsgi_application

from automate_client import api as client_api
from automate_client.commands import main
from automate_tenants.keys import SCOPES
from tests.support.in_process import in_our_transaction
from tests.support.workspaces import Workspace
from tests.web.api.conftest import api, make_api, new_key, rows

__all__ = ["api", "make_api", "rows"]


@dataclass
class Said:
    """What a command did: its exit code, its data, its talk."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Automate = Callable[..., Said]


@pytest.fixture
def automate(
    db: None,
    tenant_a: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Automate:
    """`automate("runs", "list", stdin="")`, as somebody whose key may do everything in the first workspace."""
    transport = httpx2.WSGITransport(app=in_our_transaction(get_wsgi_application()))
    monkeypatch.setattr(client_api.httpx, "Client", partial(httpx2.Client, transport=transport))
    monkeypatch.setattr(client_api.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("DJANGO_AUTOMATE_PROFILES", str(tmp_path / "profiles.json"))
    monkeypatch.setenv("DJANGO_AUTOMATE_KEY", new_key(tenant_a, SCOPES))
    monkeypatch.setenv("DJANGO_AUTOMATE_URL", "http://testserver")
    monkeypatch.setenv("DJANGO_AUTOMATE_HOME", str(tmp_path / "nothing"))

    def call(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call
