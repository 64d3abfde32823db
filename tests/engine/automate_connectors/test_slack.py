"""The connector `slack` against a stand-in that answers 200 with `ok: false`, limits rates and takes files."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from automate_connectors.models import ConnectorError
from automate_connectors.slack import SlackAdapter
from automate_testing.contracts import CANARY, ConnectorContractTest

from .doors import context_of, through
from .standin import Answer, Received, standing_in

TOKEN = "xoxb-" + "123456789012-abcdefghijkl"
HOOK = "/services/T00000000/B00000000/" + "X" * 24


class Slack:
    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.reactions: set[tuple[str, str]] = set()
        self.uploaded: list[bytes] = []
        self.shared: list[Any] = []
        self.url = ""

    def __call__(self, request: Received) -> Answer:
        path = request.path.split("?")[0]
        if path.startswith("/services/"):
            return self._hook(path, request)
        if path.startswith("/upload/"):
            self.uploaded.append(request.body)
            return Answer(200, f"OK - {len(request.body)}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return no("invalid_auth")
        is_json = request.headers["content-type"] == "application/json; charset=utf-8"
        given = request.json if is_json else request.form
        method = path.removeprefix("/api/")
        if method in ("users.lookupByEmail", "files.getUploadURLExternal") and is_json:
            return no("invalid_arguments")
        return getattr(self, method.replace(".", "_"))(given)

    def _hook(self, path: str, request: Received) -> Answer:
        if path != HOOK:
            return Answer(404, "no_service")
        return Answer(200, "ok") if request.json.get("text") or request.json.get("blocks") else Answer(400, "no_text")

    def chat_postMessage(self, given: dict[str, Any]) -> Answer:
        if given["channel"] != "C1":
            return no("channel_not_found")
        ts = f"1503435956.{len(self.messages):06}"
        self.messages[ts] = given
        return Answer(200, {"ok": True, "channel": "C1", "ts": ts, "message": given})

    def chat_update(self, given: dict[str, Any]) -> Answer:
        if given["ts"] not in self.messages:
            return no("message_not_found")
        self.messages[given["ts"]] = given
        return Answer(200, {"ok": True, "channel": "C1", "ts": given["ts"]})

    def reactions_add(self, given: dict[str, Any]) -> Answer:
        mark = (given["timestamp"], given["name"])
        if mark in self.reactions:
            return no("already_reacted")
        self.reactions.add(mark)
        return Answer(200, {"ok": True})

    def users_lookupByEmail(self, given: dict[str, Any]) -> Answer:
        if given["email"] != "ann@example.com":
            return no("users_not_found")
        return Answer(200, {"ok": True, "user": {"id": "U1", "name": "ann", "real_name": "Ann Example"}})

    def files_getUploadURLExternal(self, given: dict[str, Any]) -> Answer:
        return Answer(200, {"ok": True, "upload_url": f"{self.url}/upload/{given['length']}", "file_id": "F1"})

    def files_completeUploadExternal(self, given: dict[str, Any]) -> Answer:
        self.shared.append(given)
        return Answer(200, {"ok": True, "files": [{"id": "F1"}]})


def no(error: str, status: int = 200, **more: Any) -> Answer:
    return Answer(status, {"ok": False, "error": error, **more})


@pytest.fixture
def slack():
    slack = Slack()
    with standing_in(slack) as server:
        slack.server, slack.url = server, server.url
        yield slack


def adapter_at(server) -> SlackAdapter:
    adapter = SlackAdapter()
    adapter.api_url = f"{server.url}/api"
    adapter.webhook_hosts = ("127.0.0.1",)
    return adapter


@pytest.fixture(params=["execute", "aexecute"])
def call(request, slack):
    def do(action, params, **context):
        given = params if action == "post_webhook" else {"token": TOKEN, **params}
        return through(request.param, adapter_at(slack.server), action, given, context_of(slack.server, **context))

    return do


def test_a_message_is_posted_changed_answered_and_marked(call, slack):
    posted = call("post_message", {"channel": "C1", "text": "hi", "blocks": [{"type": "divider"}]})
    reply = call("post_message", {"channel": "C1", "text": "re", "thread_ts": posted["ts"], "reply_broadcast": True})
    call("update_message", {"channel": "C1", "ts": posted["ts"], "text": "changed"})
    for _ in range(2):  # the second time it is there already
        assert call("add_reaction", {"channel": "C1", "timestamp": posted["ts"], "name": ":eyes:"}) == {"added": True}

    assert posted == {"channel": "C1", "ts": "1503435956.000000"}
    assert slack.messages[posted["ts"]]["text"] == "changed"
    assert slack.messages[reply["ts"]]["thread_ts"] == posted["ts"]
    assert slack.reactions == {(posted["ts"], "eyes")}


def test_a_member_is_found(call):
    assert call("find_user", {"email": "ann@example.com"}) == {"id": "U1", "name": "ann", "real_name": "Ann Example"}


def test_a_file_is_uploaded_and_shared(call, slack):
    assert call("upload_file", {"channel": "C1", "filename": "a.csv", "content": "ä,1", "title": "A"}) == {"id": "F1"}

    assert slack.uploaded == ["ä,1".encode()]
    assert slack.shared == [{"files": [{"id": "F1", "title": "A"}], "channel_id": "C1"}]
    assert slack.server.routes[1] == "POST /upload/4"


def test_a_webhook_is_posted_to(call, slack):
    assert call("post_webhook", {"webhook_url": slack.url + HOOK, "text": "hi"}) == {"posted": True}


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "in_doubt"),
    [
        (no("channel_not_found"), "slack_channel_not_found", False, False),
        (no("invalid_auth"), "slack_invalid_auth", False, False),
        (no("missing_scope", needed="chat:write"), "slack_missing_scope", False, False),
        (no("ratelimited", 429), "slack_ratelimited", True, False),
        (no("service_unavailable"), "slack_service_unavailable", True, False),
        (no("internal_error"), "slack_internal_error", False, True),
        (no("fatal_error", 500), "slack_fatal_error", False, True),
        (Answer(500, "oops"), "http_500", False, True),
        (Answer(503, "later"), "http_503", True, False),
        (Answer(200, "<html>"), "slack_unreadable", False, True),
        (Answer(200, {"ok": "yes"}), "slack_unreadable", False, True),
        (Answer(302, ""), "http_302", False, False),
        (Answer(hangs_up=True), "connection_lost", False, True),
    ],
)
def test_what_slacks_answers_mean_for_a_message(call, slack, answer, code, retryable, in_doubt):
    slack.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("post_message", {"channel": "C1", "text": "hi"})

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, retryable, in_doubt)


@pytest.mark.parametrize("answer", [no("internal_error"), Answer(500), Answer(hangs_up=True), Answer(200, "?")])
def test_a_change_of_a_message_may_be_repeated(call, slack, answer):
    slack.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("update_message", {"channel": "C1", "ts": "1503435956.000000", "text": "x"})

    assert (raised.value.retryable, raised.value.in_doubt) == (True, False)


def test_the_wait_that_slack_asks_for_is_passed_on(call, slack):
    slack.server.mishaps.append(Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"}))
    with pytest.raises(ConnectorError) as raised:
        call("post_message", {"channel": "C1", "text": "hi"})

    assert raised.value.retry_after == 30.0


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "in_doubt"),
    [
        (Answer(404, "no_service"), "slack_no_service", False, False),
        (Answer(410, "channel_is_archived"), "slack_channel_is_archived", False, False),
        (Answer(429, "rate_limited"), "slack_rate_limited", True, False),
        (Answer(500, "rollup_error"), "slack_rollup_error", False, True),
        (Answer(200, "<html>"), "slack_unreadable", False, True),
    ],
)
def test_what_a_webhooks_answers_mean(call, slack, answer, code, retryable, in_doubt):
    slack.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("post_webhook", {"webhook_url": slack.url + HOOK, "text": "hi"})

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, retryable, in_doubt)


@pytest.mark.parametrize(
    "url", ["https://evil.example/services/T/B/secret-part", "https://hooks.slack.com@evil.example/x", "secret-part"]
)
def test_a_webhook_elsewhere_is_refused_and_its_url_not_repeated(slack, url):
    with pytest.raises(ConnectorError) as raised:
        SlackAdapter().execute("post_webhook", {"webhook_url": url, "text": "x"}, context_of(slack.server))

    assert raised.value.code == "invalid_params"
    assert "secret-part" not in str(raised.value)


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("post_message", {"channel": "C1"}),
        ("post_message", {"text": "x"}),
        ("post_message", {"channel": "C1", "text": "x", "thread_ts": "soon"}),
        ("post_webhook", {"webhook_url": "https://hooks.slack.com/services/x"}),
        ("upload_file", {"channel": "#general", "filename": "a", "content": "x"}),
        ("find_user", {}),
    ],
)
def test_wrong_parameters_send_nothing(call, slack, action, params):
    with pytest.raises(ConnectorError) as raised:
        call(action, params)

    assert raised.value.code == "invalid_params"
    assert slack.server.received == []


class TestSlackContract(ConnectorContractTest):
    adapter_cls = SlackAdapter
    configs: ClassVar = [{"token": "x"}]
    bad_configs: ClassVar = [{}, {"token": 5}, {"token": "x", "url": "y"}]

    @pytest.fixture(autouse=True)
    def _slack(self, slack):
        self.server = slack.server
        self.calls = {
            "post_message": {"token": TOKEN, "channel": "C1", "text": "hi"},
            "find_user": {"token": TOKEN, "email": "ann@example.com"},
            "post_webhook": {"webhook_url": slack.url + HOOK, "text": "hi"},
            "upload_file": {"token": TOKEN, "channel": "C1", "filename": "a", "content": "x"},
        }
        self.failing_calls = {
            "post_message": {"token": CANARY, "channel": "C1", "text": "hi"},
            "post_webhook": {"webhook_url": f"{slack.url}/services/{CANARY}", "text": "hi"},
        }
        self.slow_calls = {"post_message": {"token": TOKEN, "channel": "C1", "text": "slow"}}

    def make_adapter(self) -> SlackAdapter:
        return adapter_at(self.server)

    def make_context(self, **changes: Any) -> dict[str, Any]:
        return super().make_context(**{"egress": self.server.policy} | changes)


def test_a_connection_is_tested(slack):
    slack.auth_test = lambda given: Answer(200, {"ok": True, "user": "bot", "team": "Acme"})
    adapter, context = adapter_at(slack.server), context_of(slack.server)

    assert adapter.test({"token": TOKEN}, context) == "Slack knows the token as bot of Acme."
    with pytest.raises(ConnectorError, match="invalid_auth"):
        adapter.test({"token": "xoxb-other"}, context)
    assert slack.server.routes == ["POST /api/auth.test"] * 2
