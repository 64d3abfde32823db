"""Calls of Slack's Web API and of incoming webhooks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from automate_connectors.inputs import invalid
from automate_connectors.models import ActionSpec, ConnectorError
from automate_connectors.slack.answers import success, webhook_error
from automate_connectors.slack.spec import ACTIONS, CONFIG
from automate_connectors.web import Call, Plan, WebConnector
from automate_connectors.web.call import json_body, tracing
from automate_governance.egress import InvalidTarget, parse_target

WEBHOOK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")


class SlackAdapter(WebConnector):
    code = "slack"
    name = "Slack"
    description = "Messages, reactions and files; incoming webhooks."
    actions = ACTIONS
    config = CONFIG
    connection = ActionSpec(inputs=CONFIG, effect="read")
    api_url = "https://slack.com/api"
    webhook_hosts = WEBHOOK_HOSTS

    def plan_test(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield self._call("auth.test", params, context, is_safe=True, as_form=True)
        answer = success(reply, context, self.clock, is_safe=True)
        return f"Slack knows the token as {answer.get('user', 'an app')} of {answer.get('team', 'a workspace')}."

    def plan_post_message(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        _needs_content(params)
        reply = yield self._call("chat.postMessage", params, context, is_safe=False)
        return _message(success(reply, context, self.clock, is_safe=False))

    def plan_update_message(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        _needs_content(params)
        reply = yield self._call("chat.update", params, context, is_safe=True)
        return _message(success(reply, context, self.clock, is_safe=True))

    def plan_add_reaction(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        params["name"] = params["name"].strip(":")
        reply = yield self._call("reactions.add", params, context, is_safe=True)
        try:
            success(reply, context, self.clock, is_safe=True)
        except ConnectorError as error:
            if error.code != "slack_already_reacted":
                raise
        return {"added": True}

    def plan_find_user(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield self._call("users.lookupByEmail", params, context, is_safe=True, as_form=True)
        user = success(reply, context, self.clock, is_safe=True).get("user")
        found: dict[str, Any] = user if isinstance(user, dict) else {}
        return {name: str(found.get(name, "")) for name in ("id", "name", "real_name")}

    def plan_upload_file(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        """Three calls: a place for the bytes, the bytes, and sharing them. Only the last one shows anything."""
        content = params["content"].encode("utf-8", "replace")
        wanted = {"token": params["token"], "filename": params["filename"], "length": len(content)}
        reply = yield self._call("files.getUploadURLExternal", wanted, context, is_safe=True, as_form=True)
        place = success(reply, context, self.clock, is_safe=True)
        if not isinstance(place.get("upload_url"), str) or not isinstance(place.get("file_id"), str):
            raise ConnectorError("Slack named no place for the file.", retryable=True, code="slack_unreadable")
        reply = yield Call(
            "POST", place["upload_url"], True, {"Content-Type": "application/octet-stream"}, content
        )  # a second copy of bytes that nobody sees yet does no harm
        if reply.status != 200:
            raise webhook_error(reply, context, self.clock)
        shared: dict[str, Any] = {
            "token": params["token"],
            "files": [{"id": place["file_id"], "title": params.get("title") or params["filename"]}],
            "channel_id": params["channel"],
        }
        shared |= {name: params[name] for name in ("initial_comment", "thread_ts") if name in params}
        reply = yield self._call("files.completeUploadExternal", shared, context, is_safe=False)
        success(reply, context, self.clock, is_safe=False)
        return {"id": place["file_id"]}

    def plan_post_webhook(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        _needs_content(params)
        self._check_webhook(params["webhook_url"])
        body = json_body({name: params[name] for name in ("text", "blocks") if name in params})
        headers = {"Content-Type": "application/json; charset=utf-8", **tracing(context)}
        reply = yield Call("POST", params["webhook_url"], False, headers, body)
        if reply.status != 200 or reply.body.strip() != b"ok":
            raise webhook_error(reply, context, self.clock)
        return {"posted": True}

    def _check_webhook(self, url: str) -> None:
        """The secret is the path, so the host is checked before anything is sent, and the URL is never repeated."""
        try:
            host = parse_target(url).host
        except InvalidTarget:
            host = ""
        if host not in self.webhook_hosts:
            raise invalid(f"`webhook_url` begins with https://{WEBHOOK_HOSTS[0]}/.")

    def _call(
        self, method: str, params: dict[str, Any], context: dict[str, Any], *, is_safe: bool, as_form: bool = False
    ) -> Call:
        fields = {name: value for name, value in params.items() if name != "token"}
        headers = {"Authorization": f"Bearer {params['token']}", **tracing(context)}
        if as_form:  # some methods read no JSON
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return Call("POST", f"{self.api_url}/{method}", is_safe, headers, urlencode(fields).encode())
        headers["Content-Type"] = "application/json; charset=utf-8"
        return Call("POST", f"{self.api_url}/{method}", is_safe, headers, json_body(fields))


def _needs_content(params: dict[str, Any]) -> None:
    if not params.get("text") and not params.get("blocks"):
        raise invalid("Give `text`, `blocks`, or both.")


def _message(answer: dict[str, Any]) -> dict[str, Any]:
    return {"channel": str(answer.get("channel", "")), "ts": str(answer.get("ts", ""))}
