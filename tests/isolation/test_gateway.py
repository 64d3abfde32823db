"""The paths that the gateway answers in front of Django: what a neighbour's key or token opens there."""

from __future__ import annotations

import ast
import base64
import http.client
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.conf import settings

from automate_web.gateway import app, live_token
from tests.isolation.routes import GATEWAY_PATHS
from tests.web.gateway.conftest import GatewayProcess, Inside, Sender, alpha, beta, gateway, inside

__all__ = ["alpha", "beta", "gateway", "inside"]  # fixtures

pytestmark = pytest.mark.processes


@contextmanager
def live(process: GatewayProcess, token: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
    try:
        connection.request("GET", f"/live/?token={quote(token)}")
        yield connection.getresponse()
    finally:
        connection.close()


def token_for(sender: Sender, *, life: timedelta = timedelta(hours=1), secret: str | None = None) -> str:
    tenant = sender.workspace.ref
    secret = settings.LIVE_SECRET if secret is None else secret
    return live_token.sign(
        secret, tenant_id=tenant.id, schema_name=tenant.schema_name, expires_at=datetime.now(UTC) + life
    )


def read_until(stream: http.client.HTTPResponse, mark: bytes) -> bytes:
    """The stream up to the line that holds `mark`; the connection's timeout is the limit."""
    seen = b""
    while mark not in seen:
        line = stream.readline()
        assert line, f"the stream ended: {seen!r}"
        seen += line
    return seen


def test_every_path_of_the_gateway_is_in_the_matrix() -> None:
    source = textwrap.dedent(inspect.getsource(app.Gateway._respond))
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}

    assert {text for text in texts if isinstance(text, str) and text.startswith("/")} == GATEWAY_PATHS


def test_a_neighbours_key_opens_no_endpoint(alpha: Sender, beta: Sender, inside: Callable[[Sender], Inside]) -> None:
    before = inside(alpha).count("event")

    own = alpha.post()
    foreign = alpha.gateway.send("POST", alpha.path, b'{"a":1}', beta.headers())
    nobody = alpha.gateway.send("POST", alpha.path, b'{"a":1}', {"Content-Type": "application/json"})

    assert (own.status, foreign.status, nobody.status) == (202, 401, 401)
    assert foreign.code == "invalid_api_key"
    assert alpha.workspace.ref.schema_name.encode() not in foreign.body
    assert alpha.workspace.ref.slug.encode() not in foreign.body
    assert inside(alpha).count("event") == before + 1
    assert inside(beta).count("event") == 0


def test_what_is_posted_lands_in_the_endpoints_workspace_whatever_the_request_claims(
    alpha: Sender, beta: Sender, inside: Callable[[Sender], Inside]
) -> None:
    tenant = beta.workspace.ref
    claims = {"Host": "beta.localhost", "X-Forwarded-Host": "beta.localhost", "X-Tenant": tenant.schema_name}
    body = json.dumps({"tenant_id": tenant.id, "schema_name": tenant.schema_name, "search_path": tenant.schema_name})

    answer = alpha.gateway.send("POST", alpha.path, body.encode(), {**alpha.headers(), **claims})

    assert answer.status == 202
    assert answer.json["event_id"] in inside(alpha).event_ids()
    assert inside(beta).event_ids() == set()


@pytest.mark.parametrize("change", ["cut", "longer", "swapped", "upper", "slash", "query", "dots"])
def test_only_the_whole_token_finds_an_endpoint(alpha: Sender, change: str) -> None:
    path = {
        "cut": alpha.path[:-1],
        "longer": alpha.path + "x",
        "swapped": alpha.path.swapcase().replace("/HOOKS/", "/hooks/"),
        "upper": alpha.path.replace("/hooks/", "/HOOKS/"),
        "slash": alpha.path.replace("/hooks/", "/hooks//"),
        "query": "/hooks/?token=" + alpha.path.removeprefix("/hooks/"),
        "dots": alpha.path.replace("/hooks/", "/hooks/x/../"),
    }[change]

    assert alpha.gateway.send("POST", path, b"{}", alpha.headers()).status in {404, 405, 503}


def test_a_live_stream_tells_of_its_own_workspace_only(alpha: Sender, beta: Sender) -> None:
    with live(alpha.gateway, token_for(alpha)) as of_alpha, live(beta.gateway, token_for(beta)) as of_beta:
        assert (of_alpha.status, of_beta.status) == (200, 200)
        read_until(of_alpha, b"event: ready")
        read_until(of_beta, b"event: ready")

        assert alpha.post().status == 202
        read_until(of_alpha, b'"events":1')
        assert beta.post().status == 202
        heard = read_until(of_beta, b'"events":')

    assert heard.count(b"event: change") == 1  # its own; alpha's came before and was not told
    assert b'"events":1' in heard


def test_a_live_token_that_was_tampered_with_opens_nothing(alpha: Sender, beta: Sender) -> None:
    payload, _, mac = token_for(beta).partition(".")
    tenant = alpha.workspace.ref
    forged = json.dumps([tenant.id, tenant.schema_name, 4_102_444_800]).encode()
    tokens = [
        f"{base64.urlsafe_b64encode(forged).decode().rstrip('=')}.{mac}",
        f"{base64.urlsafe_b64encode(forged).decode().rstrip('=')}.",
        payload,
        f"{payload}.{mac[:-2]}",
        f".{mac}",
        token_for(alpha, life=timedelta(seconds=-1)),
        live_token.sign(
            "", tenant_id=tenant.id, schema_name=tenant.schema_name, expires_at=datetime(2100, 1, 1, tzinfo=UTC)
        ),
        "x" * 10_000,
        "é.é",
        "",
    ]

    for token in tokens:
        with live(alpha.gateway, token) as stream:
            assert stream.status == 401, token[:80]
            assert tenant.schema_name.encode() not in stream.read()


def test_open_paths_say_nothing_of_any_workspace(alpha: Sender) -> None:
    for method, path in (("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/echo"), ("GET", "/echo")):
        answer = alpha.gateway.send(method, path, b'{"a":1}', alpha.headers())
        text = answer.body + str(answer.headers).encode()
        assert answer.status == (503 if path == "/readyz" else 200)  # no web process stands behind this gateway
        for secret in (alpha.workspace.ref.schema_name, alpha.workspace.ref.slug, alpha.workspace.api_key):
            assert secret.encode() not in text, (path, secret)
