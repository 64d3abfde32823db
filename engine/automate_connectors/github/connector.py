"""Calls of the GitHub REST API.

Source: GitHub's documentation, "Rate limits for the REST API": a 403 or 429 with `retry-after`, or with no requests
remaining, did nothing and says when to come back.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from automate_connectors.github.marks import MAX_PAGES, PER_PAGE, find_marked, marked
from automate_connectors.github.spec import ACTIONS, CONFIG
from automate_connectors.models import ActionSpec, ConnectorError
from automate_connectors.web import Call, Plan, WebConnector, parse_body, refused
from automate_connectors.web.call import json_body, tracing
from automate_connectors.web.reply import MAX_RETRY_AFTER, json_object
from automate_governance.egress import Reply

API_VERSION = "2022-11-28"


class GitHubAdapter(WebConnector):
    code = "github"
    name = "GitHub"
    description = "Issues, comments, and starting workflows."
    actions = ACTIONS
    config = CONFIG
    connection = ActionSpec(inputs=CONFIG, effect="read")

    def plan_test(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        """`/rate_limit` answers every kind of token and counts against none."""
        reply = yield self._call("GET", "/rate_limit", params, context, is_safe=True)
        rate = json_object(reply).get("rate")
        if reply.status != 200 or not isinstance(rate, dict):
            raise self._refusal(reply, context, is_safe=True)
        return f"GitHub accepts the token; {rate.get('remaining')} of {rate.get('limit')} calls an hour are left."

    def plan_create_issue(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        path = f"/repos/{params['repository']}/issues"
        newest = f"{path}?state=all&sort=created&direction=desc"
        wanted = _only(params, "title", "labels", "assignees", "milestone")
        wanted["body"] = marked(params.get("body", ""), str(context.get("idempotency_key", "")))
        return self._make_once(path, newest, wanted, _issue, params, context)

    def plan_comment_issue(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        repository = f"/repos/{params['repository']}/issues"
        newest = f"{repository}/comments?sort=created&direction=desc"
        wanted = {"body": marked(params["body"], str(context.get("idempotency_key", "")))}
        return self._make_once(f"{repository}/{params['number']}/comments", newest, wanted, _comment, params, context)

    def plan_update_issue(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        wanted = _only(params, "state", "state_reason", "title", "body", "labels", "assignees")
        path = f"/repos/{params['repository']}/issues/{params['number']}"
        reply = yield self._call("PATCH", path, params, context, is_safe=True, body=wanted)
        return _issue(self._object(reply, context, is_safe=True))

    def plan_get_issue(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        path = f"/repos/{params['repository']}/issues/{params['number']}"
        reply = yield self._call("GET", path, params, context, is_safe=True)
        return _issue(self._object(reply, context, is_safe=True))

    def plan_dispatch_workflow(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        path = f"/repos/{params['repository']}/actions/workflows/{params['workflow']}/dispatches"
        return self._dispatch(path, _only(params, "ref", "inputs"), params, context)

    def plan_dispatch_repository(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        wanted = _only(params, "event_type", "client_payload")
        return self._dispatch(f"/repos/{params['repository']}/dispatches", wanted, params, context)

    def _dispatch(self, path: str, wanted: dict[str, Any], params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield self._call("POST", path, params, context, is_safe=False, body=wanted)
        if reply.status not in (200, 204):
            raise self._refusal(reply, context, is_safe=False)
        return {"dispatched": True}

    def _make_once(
        self,
        path: str,
        newest: str,
        wanted: dict[str, Any],
        shape: Any,
        params: dict[str, Any],
        context: dict[str, Any],
    ) -> Plan:
        """POST, unless an earlier attempt of this step is found among the newest entries."""
        key = str(context.get("idempotency_key", ""))
        if key and int(context.get("attempt") or 1) > 1:
            found = yield from self._look(newest, key, params, context)
            if found is not None:
                return shape(found)
        is_safe = bool(key)  # the next attempt looks first
        reply = yield self._call("POST", path, params, context, is_safe=is_safe, body=wanted)
        return shape(self._object(reply, context, is_safe=is_safe))

    def _look(
        self, newest: str, key: str, params: dict[str, Any], context: dict[str, Any]
    ) -> Generator[Call, Reply, dict[str, Any] | None]:
        for page in range(1, MAX_PAGES + 1):
            path = f"{newest}&per_page={PER_PAGE}&page={page}"
            reply = yield self._call("GET", path, params, context, is_safe=True)
            entries = parse_body(reply)
            if reply.status != 200 or not isinstance(entries, list):
                raise self._refusal(reply, context, is_safe=True)
            if (found := find_marked(entries, key)) is not None:
                return found
            if len(entries) < PER_PAGE:
                return None
        raise ConnectorError(
            f"An earlier attempt may have been made, and {MAX_PAGES * PER_PAGE} newer entries hide it. Look on GitHub "
            "before running the step again.",
            code="github_cannot_tell",
        )

    def _call(
        self,
        method: str,
        path: str,
        params: dict[str, Any],
        context: dict[str, Any],
        *,
        is_safe: bool,
        body: dict[str, Any] | None = None,
    ) -> Call:
        headers = {
            "Authorization": f"Bearer {params['token']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            **tracing(context),
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = b"" if body is None else json_body(body)
        return Call(method, params["api_url"].rstrip("/") + path, is_safe, headers, sent)

    def _object(self, reply: Reply, context: dict[str, Any], *, is_safe: bool) -> dict[str, Any]:
        answer = json_object(reply)
        if reply.status in (200, 201) and isinstance(answer.get("id"), int):
            return answer
        raise self._refusal(reply, context, is_safe=is_safe)

    def _refusal(self, reply: Reply, context: dict[str, Any], *, is_safe: bool) -> ConnectorError:
        said = json_object(reply).get("message")
        is_limited = reply.status in (403, 429) and (
            bool(reply.header("retry-after")) or reply.header("x-ratelimit-remaining") == "0" or reply.status == 429
        )
        is_lost = 200 <= reply.status < 300
        return refused(
            reply,
            is_safe=is_safe,
            clock=self.clock,
            context=context,
            code="github_rate_limited" if is_limited else f"github_{reply.status}",
            message=f"GitHub: {said}" if isinstance(said, str) and said else "",
            retryable=True if is_limited else is_safe if is_lost else None,
            in_doubt=not is_safe if is_lost else None,
            retry_after=self._until_reset(reply) if is_limited and not reply.header("retry-after") else None,
        )

    def _until_reset(self, reply: Reply) -> float | None:
        reset = reply.header("x-ratelimit-reset")
        if not (reset.isascii() and reset.isdigit()):
            return None
        return min(max(float(reset[:12]) - self.clock.now().timestamp(), 1.0), MAX_RETRY_AFTER)


def _only(params: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: params[name] for name in names if name in params}


def _issue(entry: dict[str, Any]) -> dict[str, Any]:
    return _only(entry, "number", "id", "html_url", "state", "title")


def _comment(entry: dict[str, Any]) -> dict[str, Any]:
    return _only(entry, "id", "html_url")
