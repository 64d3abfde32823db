"""`follow_redirects` of http.request: what goes along, what is refused, and what a failure on the way means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from automate_connectors.http import HttpAdapter
from automate_connectors.models import ConnectorError
from automate_governance.egress import Egress, EgressPaced, EgressPolicy, Target, bound_secrets
from automate_governance.secrets.interfaces import SecretValue

from .standin import Answer, Received, StandIn, standing_in

# name → where a redirect leads; {port} is that of a server on this machine which nothing may reach
INSIDE = {
    "loopback": "http://127.0.0.1:{port}/",
    "localhost": "http://localhost:{port}/",
    "one number": "http://2130706433:{port}/",
    "hexadecimal": "http://0x7f.1:{port}/",
    "octal": "http://0177.0.0.1:{port}/",
    "IPv6": "http://[::1]:{port}/",
    "IPv4-mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "NAT64": "http://[64:ff9b::127.0.0.1]:{port}/",
    "6to4": "http://[2002:7f00:1::]:{port}/",
    "unspecified": "http://0.0.0.0:{port}/",
    "no scheme": "//127.0.0.1:{port}/",
    "backslashes": "\\\\127.0.0.1:{port}\\",
    "a slash and a backslash": "/\\127.0.0.1:{port}/",
    "a user in front": "http://api.example.com@127.0.0.1:{port}/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:{port}/_GET",
    "data": "data:text/plain,hello",
    "half a bracket": "http://[::1:{port}/",
    "full-width digits, escaped": "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:{port}/",
}


@pytest.fixture
def inside() -> Iterator[StandIn]:
    with standing_in(lambda request: Answer(200, {"secret": True})) as server:
        yield server


class Door:
    """A server that may be called, and says for each path where to go: path → (status, location)."""

    def __init__(self, stack: ExitStack):
        self.leads: dict[str, tuple[int, str]] = {}
        self.server = stack.enter_context(standing_in(self._answer))
        self.other = stack.enter_context(standing_in(self._answer))
        self.policy = EgressPolicy(
            private_targets=(*self.server.policy.private_targets, *self.other.policy.private_targets)
        )

    def _answer(self, request: Received) -> Answer:
        status, location = self.leads.get(request.path, (0, ""))
        return Answer(status, "", {"Location": location}) if status else Answer(200, {"at": request.path})

    def get(self, path: str = "/", *, egress: object = None, **params: Any) -> Any:
        context = {"egress": egress or self.policy, "timeout_seconds": 20.0, "secrets": {}, "idempotency_key": "k1"}
        asked = {"url": self.server.url + path, "follow_redirects": True, **params}
        return HttpAdapter().execute("request", asked, context)


@pytest.fixture
def door() -> Iterator[Door]:
    with ExitStack() as stack:
        yield Door(stack)


@pytest.mark.parametrize("where", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("status", [302, 307])
def test_no_redirect_leads_inside(door: Door, inside: StandIn, where: str, status: int) -> None:
    port = inside.url.rpartition(":")[2]
    door.leads["/"] = (status, where.replace("{port}", port))

    with pytest.raises(ConnectorError) as raised:
        door.get()

    assert raised.value.code in ("egress_denied", "invalid_target", "invalid_redirect", "connect_failed")
    assert inside.received == []
    assert len(door.server.received) == 1


def test_it_is_off_unless_the_step_says_so(door: Door) -> None:
    door.leads["/"] = (302, "/there")

    with pytest.raises(ConnectorError) as raised:
        door.get(follow_redirects=False)

    assert raised.value.code == "http_302"
    assert len(door.server.received) == 1
    assert door.get()["body"] == {"at": "/there"}


def test_five_are_followed_and_a_sixth_is_not(door: Door) -> None:
    for hop in range(6):
        door.leads[f"/{hop}"] = (302, f"/{hop + 1}")

    assert door.get("/1")["body"] == {"at": "/6"}
    with pytest.raises(ConnectorError) as raised:
        door.get("/0")
    assert raised.value.code == "too_many_redirects"


def test_the_allowlist_is_asked_for_every_hop(door: Door) -> None:
    door.leads["/"] = (302, "https://api.example.com/")
    policy = EgressPolicy(
        private_targets=door.policy.private_targets, host_allowlist=("127.0.0.1:*", "localhost:*", "*.stripe.com")
    )

    with pytest.raises(ConnectorError) as raised:
        door.get(egress=policy)

    assert raised.value.code == "egress_denied"
    assert raised.value.details["reason"] == "host_allowlist"
    assert raised.value.details["host"] == "api.example.com"


def test_every_hop_counts_against_its_rate(door: Door) -> None:
    asked: list[str] = []

    async def pace(target: Target) -> None:
        asked.append(target.path)
        if len(asked) > 1:
            raise EgressPaced("Later.", retry_after=5.0)

    door.leads["/"] = (302, "/there")
    with pytest.raises(ConnectorError):
        door.get(egress=Egress(door.policy, pace=pace))

    assert asked == ["/", "/there"]
    assert [request.path for request in door.server.received] == ["/"]


def test_a_bound_secret_does_not_follow_to_another_host(door: Door) -> None:
    host = door.server.url.removeprefix("http://")
    secret = SecretValue("s3cret-value-9000", hosts=(host,))
    door.leads["/"] = (307, door.other.url + "/?key=s3cret-value-9000")

    with bound_secrets([secret]), pytest.raises(ConnectorError) as raised:
        door.get(method="POST", idempotent=True, json={"a": 1})

    assert (raised.value.code, raised.value.details["reason"]) == ("egress_denied", "secret_host")
    assert door.other.received == []


def test_credentials_do_not_go_to_another_origin_and_do_not_come_back(door: Door) -> None:
    door.leads["/"] = (302, "/same")
    door.leads["/same"] = (302, door.other.url + "/far")
    door.leads["/far"] = (302, door.server.url + "/home")
    headers = {"Cookie": "session=1", "X-Api-Key": "k", "Accept-Language": "de"}

    door.get(auth={"type": "bearer", "token": "t0ken"}, headers=headers)

    first, same, home = door.server.received
    (far,) = door.other.received
    assert first.headers["authorization"] == same.headers["authorization"] == "Bearer t0ken"
    assert first.headers["cookie"] == same.headers["cookie"] == "session=1"
    for request in (far, home):
        assert {"authorization", "cookie", "x-api-key"}.isdisjoint(request.headers)
        assert request.headers["accept-language"] == "de"


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_the_method_after_a_redirect_is_that_of_the_standard(door: Door, status: int, method: str, then: str) -> None:
    door.leads["/"] = (status, "/there")
    body = {"json": {"a": 1}} if method in ("POST", "PUT") else {}

    door.get(method=method, **body)

    _, second = door.server.received
    assert second.method == then
    assert second.body == (b'{"a": 1}' if then in ("POST", "PUT") else b"")
    assert ("content-type" in second.headers) == (then in ("POST", "PUT"))


def test_a_failure_after_a_post_that_may_have_acted_is_in_doubt(door: Door, inside: StandIn) -> None:
    door.leads["/"] = (303, inside.url)  # refused: nothing is sent there
    with pytest.raises(ConnectorError) as raised:
        door.get(method="POST", json={})
    assert (raised.value.in_doubt, raised.value.retryable) == (True, False)

    door.leads["/"] = (307, inside.url)  # the first server did not act
    with pytest.raises(ConnectorError) as raised:
        door.get(method="POST", json={})
    assert (raised.value.code, raised.value.in_doubt) == ("egress_denied", False)


def test_nothing_is_followed_from_https_to_http() -> None:
    from automate_connectors.http.redirects import next_call
    from automate_connectors.web import Call
    from automate_governance.egress import Reply

    call = Call("GET", "https://a.example/", True)
    reply = Reply(302, (("location", "http://a.example/"),), b"", 1.0)

    with pytest.raises(ConnectorError) as raised:
        next_call(call, reply, hops=0, credentials=frozenset())

    assert raised.value.code == "insecure_redirect"
