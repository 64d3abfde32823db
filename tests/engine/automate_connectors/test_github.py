"""The connector `github` against a stand-in that keeps issues, checks headers and counts requests as GitHub does."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest

from automate_connectors.github import GitHubAdapter
from automate_connectors.models import ConnectorError
from automate_testing.contracts import CANARY, ConnectorContractTest

from .doors import KEY, NOW, FixedClock, context_of, through
from .standin import Answer, Received, standing_in

TOKEN = "github_pat_" + "11ABCDEFG0123456789abcdef"


EXHAUSTED = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}


class GitHub:
    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.dispatched: list[Any] = []

    def __call__(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"message": "Bad credentials", "status": "401"})
        if not request.headers.get("user-agent") or "x-github-api-version" not in request.headers:
            return Answer(403, {"message": "Request forbidden by administrative rules."})
        route = re.sub(r"/repos/octo/hello", "", request.route)
        if "/repos/octo/hello" not in request.path:
            return Answer(404, {"message": "Not Found"})
        if route == "GET /issues":
            return self._page(self.issues, request)
        if route == "GET /issues/comments":
            return self._page(self.comments, request)
        if route == "POST /issues":
            return self._make(self.issues, {**request.json, "state": "open", "number": len(self.issues) + 1})
        if re.fullmatch(r"POST /issues/\d+/comments", route):
            return self._make(self.comments, request.json)
        if found := re.fullmatch(r"(GET|PATCH) /issues/(\d+)", route):
            return self._one(request, int(found.group(2)))
        if route.endswith("dispatches"):
            self.dispatched.append((route, request.json))
            return Answer(204)
        return Answer(404, {"message": "Not Found"})

    def _make(self, entries: list[dict[str, Any]], given: dict[str, Any]) -> Answer:
        if given.get("title") == "":
            return Answer(422, {"message": "Validation Failed", "errors": [{"field": "title"}]})
        entry = {"id": len(entries) + 1000, "html_url": f"https://github.example/{len(entries) + 1}", **given}
        entries.append(entry)
        return Answer(201, entry)

    def _page(self, entries: list[dict[str, Any]], request: Received) -> Answer:
        size, page = int(request.query["per_page"]), int(request.query["page"])
        newest = entries[::-1] if request.query.get("direction") == "desc" else entries
        return Answer(200, newest[(page - 1) * size : page * size])

    def _one(self, request: Received, number: int) -> Answer:
        if not 0 < number <= len(self.issues):
            return Answer(404, {"message": "Not Found"})
        if request.method == "PATCH":
            self.issues[number - 1].update(request.json)
        return Answer(200, self.issues[number - 1])


@pytest.fixture
def github():
    github = GitHub()
    with standing_in(github) as server:
        github.server = server
        yield github


@pytest.fixture(params=["execute", "aexecute"])
def call(request, github):
    def do(action, params, **context):
        given = {"token": TOKEN, "api_url": github.server.url, "repository": "octo/hello", **params}
        adapter = GitHubAdapter(FixedClock())
        return through(request.param, adapter, action, given, context_of(github.server, **context))

    return do


def test_an_issue_is_opened_commented_closed_and_read(call, github):
    issue = call("create_issue", {"title": "Down", "body": "It is.", "labels": ["bug"]})
    comment = call("comment_issue", {"number": issue["number"], "body": "Up again."})
    closed = call("update_issue", {"number": 1, "state": "closed", "state_reason": "completed"})

    assert issue == {"number": 1, "id": 1000, "html_url": "https://github.example/1", "state": "open", "title": "Down"}
    assert comment["id"] == 1000
    assert closed["state"] == call("get_issue", {"number": 1})["state"] == "closed"
    assert github.issues[0]["body"] == f"It is.\n\n<!-- automate:{KEY} -->"
    assert github.issues[0]["labels"] == ["bug"]


@pytest.mark.parametrize(
    ("action", "params", "kept"),
    [("create_issue", {"title": "Down"}, "issues"), ("comment_issue", {"number": 1, "body": "Hi"}, "comments")],
)
def test_a_repeat_finds_what_the_first_attempt_made(call, github, action, params, kept):
    first = call(action, params)
    getattr(github, kept).extend({"id": n, "body": "another"} for n in range(150))  # on the second page by now
    again = call(action, params, attempt=2)
    other = call(action, params, attempt=2, idempotency_key="another-step")

    assert again == first
    assert other != first
    assert len(getattr(github, kept)) == 152


def test_a_repeat_that_cannot_see_far_enough_says_so_and_writes_nothing(call, github):
    github.issues.extend({"id": n, "body": ""} for n in range(500))
    with pytest.raises(ConnectorError) as raised:
        call("create_issue", {"title": "Down"}, attempt=2)

    assert (raised.value.code, raised.value.retryable) == ("github_cannot_tell", False)
    assert len(github.issues) == 500


def test_workflows_and_events_are_dispatched(call, github):
    assert call("dispatch_workflow", {"workflow": "deploy.yml", "inputs": {"to": "prod"}}) == {"dispatched": True}
    assert call("dispatch_repository", {"event_type": "paid", "client_payload": {"n": 1}}) == {"dispatched": True}

    assert github.dispatched == [
        ("POST /actions/workflows/deploy.yml/dispatches", {"ref": "main", "inputs": {"to": "prod"}}),
        ("POST /dispatches", {"event_type": "paid", "client_payload": {"n": 1}}),
    ]


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "retry_after"),
    [
        (Answer(403, {"message": "no"}, EXHAUSTED),
         "github_rate_limited", True, 90.0),
        (Answer(403, {"message": "secondary"}, {"Retry-After": "60"}), "github_rate_limited", True, 60.0),
        (Answer(429, {"message": "slow down"}), "github_rate_limited", True, None),
        (Answer(403, {"message": "Resource not accessible"}), "github_403", False, None),
        (Answer(404, {"message": "Not Found"}), "github_404", False, None),
        (Answer(422, {"message": "Validation Failed"}), "github_422", False, None),
        (Answer(503, {"message": "later"}), "github_503", True, None),
        (Answer(500, "oops"), "github_500", True, None),
        (Answer(hangs_up=True), "connection_lost", True, None),
        (Answer(201, "?"), "github_201", True, None),
    ],
)  # fmt: skip
def test_what_githubs_answers_mean(call, github, answer, code, retryable, retry_after):
    github.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("create_issue", {"title": "Down"})

    error = raised.value
    assert (error.code, error.retryable, error.retry_after, error.in_doubt) == (code, retryable, retry_after, False)


@pytest.mark.parametrize("answer", [Answer(500), Answer(hangs_up=True), Answer(502)])
def test_a_dispatch_whose_answer_is_lost_is_in_doubt(call, github, answer):
    github.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("dispatch_repository", {"event_type": "paid"})

    assert (raised.value.retryable, raised.value.in_doubt) == (False, True)


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("create_issue", {"title": "x", "repository": "octo/../admin"}),
        ("create_issue", {"title": "x", "repository": "octo"}),
        ("create_issue", {}),
        ("get_issue", {"number": 0}),
        ("get_issue", {"number": "1/../2"}),
        ("update_issue", {"number": 1, "state": "gone"}),
        ("dispatch_workflow", {"workflow": "a/b"}),
        ("comment_issue", {"number": 1, "body": ""}),
    ],
)
def test_wrong_parameters_send_nothing(call, github, action, params):
    with pytest.raises(ConnectorError) as raised:
        call(action, params)

    assert raised.value.code == "invalid_params"
    assert github.server.received == []


class TestGitHubContract(ConnectorContractTest):
    adapter_cls = GitHubAdapter
    configs: ClassVar = [{"token": "x"}, {"token": "x", "api_url": "https://github.example/api/v3"}]
    bad_configs: ClassVar = [{}, {"token": 5}, {"token": "x", "api_url": "ftp://x"}, {"token": "x", "user": "y"}]

    @pytest.fixture(autouse=True)
    def _github(self, github):
        self.server = github.server
        base = {"token": TOKEN, "api_url": github.server.url, "repository": "octo/hello"}
        self.calls = {
            "create_issue": {**base, "title": "Down"},
            "dispatch_repository": {**base, "event_type": "paid"},
        }
        self.failing_calls = {"get_issue": {**base, "token": CANARY, "number": 404}}
        self.slow_calls = {"create_issue": {**base, "title": "slow"}}

    def make_context(self, **changes: Any) -> dict[str, Any]:
        return super().make_context(**{"egress": self.server.policy} | changes)


def test_a_connection_is_tested_by_asking_for_the_rate():
    def answer(request: Received) -> Answer:
        if request.headers["authorization"] == "Bearer right":
            return Answer(200, {"rate": {"limit": 5000, "remaining": 4999}})
        return Answer(401, {"message": "Bad credentials"})

    with standing_in(answer) as server:
        adapter, context = GitHubAdapter(FixedClock()), context_of(server)
        said = adapter.test({"token": "right", "api_url": server.url}, context)
        assert said == "GitHub accepts the token; 4999 of 5000 calls an hour are left."
        with pytest.raises(ConnectorError, match="Bad credentials"):
            adapter.test({"token": "wrong", "api_url": server.url}, context)
        assert server.routes == ["GET /rate_limit"] * 2
