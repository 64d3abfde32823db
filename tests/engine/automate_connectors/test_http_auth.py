"""`auth` of http.request, against a server that refuses whoever does not come with the right credentials."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from automate_connectors.http import HttpAdapter
from automate_connectors.http.tokens import MAX_TOKENS, TOKENS, TokenCache, TokenRequest
from automate_connectors.models import ConnectorError

from .standin import Answer, Received, standing_in

SECRET = "s3cr3t/+ value"


class Bank:
    """An API with a token server: tokens are numbered, and only the newest of a scope is good."""

    def __init__(self) -> None:
        self.issued: list[str] = []
        self.expires_in: object = 3600

    def __call__(self, request: Received) -> Answer:
        if request.route == "POST /token":
            return self._token(request)
        given = request.headers.get("authorization", "")
        good = {
            "/basic": given == "Basic " + base64.b64encode(f"ann:{SECRET}".encode()).decode(),
            "/bearer": given == f"Bearer {SECRET}",
            "/header": request.headers.get("x-api-key") == SECRET,
            "/query": request.query.get("key") == SECRET,
            "/oauth": bool(self.issued) and given == f"Bearer {self.issued[-1]}",
        }
        return Answer(200, {"ok": True}) if good[request.path.split("?")[0]] else Answer(401, {"error": "denied"})

    def _token(self, request: Received) -> Answer:
        form = request.form
        basic = "Basic " + base64.b64encode(b"me:s3cr3t%2F%2B%20value").decode()
        is_known = request.headers.get("authorization") == basic or form.get("client_secret") == SECRET
        if not is_known or form.get("grant_type") != "client_credentials":
            return Answer(401, {"error": "invalid_client", "error_description": f"you sent {SECRET}"})
        self.issued.append(f"token-{len(self.issued) + 1}-{form.get('scope', '')}")
        return Answer(200, {"access_token": self.issued[-1], "token_type": "Bearer", "expires_in": self.expires_in})


@pytest.fixture
def bank():
    bank = Bank()
    with standing_in(bank) as server:
        bank.server = server
        yield bank


def call(bank, path, auth, *, pool_key="t_a", door="execute", **params):
    context = {"egress": bank.server.policy, "pool_key": pool_key, "timeout_seconds": 20.0, "secrets": {}}
    context["egress"] = bank.server.policy
    params = {"url": bank.server.url + path, "auth": auth, **params}
    if door == "execute":
        return HttpAdapter().execute("request", params, context)
    return asyncio.run(HttpAdapter().aexecute("request", params, context))


def oauth(bank, **changes):
    return {
        "type": "oauth2_client_credentials",
        "token_url": f"{bank.server.url}/token",
        "client_id": "me",
        "client_secret": SECRET,
        **changes,
    }


@pytest.mark.parametrize(
    ("path", "auth"),
    [
        ("/basic", {"type": "basic", "username": "ann", "password": SECRET}),
        ("/bearer", {"type": "bearer", "token": SECRET}),
        ("/header", {"type": "api_key", "name": "X-Api-Key", "value": SECRET}),
        ("/query", {"type": "api_key", "name": "key", "value": SECRET, "in": "query"}),
        ("/query?key=wrong&a=1", {"type": "api_key", "name": "key", "value": SECRET, "in": "query"}),
    ],
)
@pytest.mark.parametrize("door", ["execute", "aexecute"])
def test_each_kind_opens_its_door(bank, path, auth, door):
    assert call(bank, path, auth, door=door)["body"] == {"ok": True}
    with pytest.raises(ConnectorError) as raised:
        call(bank, path.split("?")[0], {"type": "none"}, door=door)
    assert raised.value.code == "http_401"


@pytest.mark.parametrize(
    "auth",
    [
        "bearer",
        {},
        {"type": "magic"},
        {"type": "basic", "username": "ann"},
        {"type": "bearer", "token": ""},
        {"type": "bearer", "token": 5},
        {"type": "bearer", "token": "x", "password": "y"},
        {"type": "api_key", "name": "k"},
        {"type": "oauth2_client_credentials", "token_url": "http://x/", "client_id": "a"},
        {
            "type": "oauth2_client_credentials",
            "token_url": "x",
            "client_id": "a",
            "client_secret": "s",
            "client_auth": "?",
        },
        {"type": "oauth2_client_credentials", "token_url": "x", "client_id": "a", "client_secret": "s", "scopes": [1]},
    ],
)
def test_incomplete_credentials_are_refused_before_sending(bank, auth):
    with pytest.raises(ConnectorError, match=r"`auth") as raised:
        call(bank, "/bearer", auth)

    assert raised.value.code == "invalid_params"
    assert bank.server.received == []


@pytest.mark.parametrize("client_auth", ["basic", "body"])
def test_a_token_is_fetched_once_and_kept(bank, client_auth):
    for _ in range(3):
        assert call(bank, "/oauth", oauth(bank, client_auth=client_auth))["status"] == 200

    assert bank.server.routes == ["POST /token", *["GET /oauth"] * 3]


def test_a_token_is_kept_apart_for_each_owner_scope_and_secret(bank):
    call(bank, "/oauth", oauth(bank, scopes=["a"]))
    call(bank, "/oauth", oauth(bank, scopes="b"))
    call(bank, "/oauth", oauth(bank, scopes=["a", "b"]), pool_key="t_b")
    with pytest.raises(ConnectorError) as raised:
        call(bank, "/oauth", oauth(bank, scopes=["a"], client_secret="guess"))

    assert bank.issued == ["token-1-a", "token-2-b", "token-3-a b"]
    assert raised.value.code == "oauth2_no_token"
    assert not raised.value.retryable and not raised.value.in_doubt
    assert SECRET not in json.dumps(raised.value.details) + str(raised.value)


def test_a_refused_token_is_fetched_again_once(bank):
    call(bank, "/oauth", oauth(bank))
    bank.issued.append("token-of-another-day")  # the server forgot ours
    assert call(bank, "/oauth", oauth(bank), method="POST", json={"a": 1})["status"] == 200
    assert bank.server.routes == ["POST /token", "GET /oauth", "POST /oauth", "POST /token", "POST /oauth"]

    bank.server.mishaps[:] = [Answer(401), Answer(200, {"access_token": "t", "expires_in": 60}), Answer(401)]
    with pytest.raises(ConnectorError) as raised:
        call(bank, "/oauth", oauth(bank))
    assert raised.value.code == "http_401"


@pytest.mark.parametrize(("expires_in", "tokens"), [(10, 2), ("soon", 1), (None, 1), (3600, 1)])
def test_a_token_about_to_end_is_not_kept(bank, expires_in, tokens):
    bank.expires_in = expires_in
    for _ in range(2):
        call(bank, "/oauth", oauth(bank))

    assert len(bank.issued) == tokens


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (Answer(503, headers={"Retry-After": "7"}), True),
        (Answer(500), True),
        (Answer(400, {"error": "invalid_scope"}), False),
        (Answer(200, {"access_token": ""}), False),
        (Answer(200, "not json"), False),
        (Answer(hangs_up=True), True),
    ],
)
def test_no_token_is_never_in_doubt(bank, answer, retryable):
    bank.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call(bank, "/oauth", oauth(bank), method="POST")

    assert (raised.value.retryable, raised.value.in_doubt) == (retryable, False)
    assert bank.server.routes == ["POST /token"]


def test_the_cache_forgets_what_ended_and_what_is_too_many():
    clock = [0.0]
    cache = TokenCache(lambda: clock[0])
    requests = [TokenRequest("t", "https://x.example", str(n), "s") for n in range(MAX_TOKENS + 1)]
    for request in requests:
        cache.put(request, f"of {request.client_id}", 100.0)

    assert cache.get(requests[0]) is None
    assert cache.get(requests[1]) == "of 1"
    clock[0] = 71.0  # within the margin before the end
    assert cache.get(requests[1]) is None


def test_a_token_requests_text_hides_the_secret():
    assert SECRET not in repr(TokenRequest("t", "https://x.example", "me", SECRET))
    assert TOKENS.get(TokenRequest("nobody", "https://x.example", "me", SECRET)) is None
