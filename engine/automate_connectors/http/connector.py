"""`http.request`: sends, judges the reply, and follows pages where it is told to.

Which replies are worth a repeat, and which requests may be repeated: platform architecture, "Semantics settled", 6.
GET, HEAD, OPTIONS, PUT and DELETE may be; POST and PATCH only when the step declares `idempotent: true`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from automate_connectors.adapters.base import unknown_action
from automate_connectors.http import pages, redirects
from automate_connectors.http.auth import Authorization
from automate_connectors.http.request import as_call
from automate_connectors.http.spec import ACTIONS, CONNECTION
from automate_connectors.inputs import invalid
from automate_connectors.web import Call, Plan, WebConnector, joined_headers, parse_body, refused
from automate_governance.egress import Reply


class HttpAdapter(WebConnector):
    code = "http"
    name = "HTTP"
    description = "Call any HTTP API."
    actions = ACTIONS
    connection = CONNECTION

    def plan(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        if action != "request":
            raise unknown_action(self, action)
        call = as_call(params, context)
        paging = pages.read(params)
        return self._all(call, paging, params, context)

    def plan_test(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        """One GET or HEAD; the body is not looked at."""
        asked = {"method": params["method"], "url": params["url"], "auth": _test_auth(params)}
        output = yield from self.plan("request", asked, context)
        return f"{urlsplit(params['url']).hostname} answered {output['status']} after {output['elapsed_ms']:.0f} ms."

    def validate_config(self, config: dict[str, Any]) -> None:
        """`{"base_url"?}`: what a form for a connection asks. Raises ConnectorError (`invalid_params`)."""
        unknown = set(config) - {"base_url"}
        if unknown:
            raise invalid(f"There is no setting `{min(unknown)}`.")
        if "base_url" in config and urlsplit(str(config["base_url"])).scheme not in ("http", "https"):
            raise invalid("`base_url` begins with http:// or https://.")

    def _all(self, call: Call, paging: pages.Paging | None, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        authorization = Authorization.read(params, context)
        follows = redirects.read(params)
        call_made, reply = yield from self._followed(call, authorization, follows=follows)
        output = self._judge(call_made, reply, params, context)
        if paging is None:
            return output
        gathered = pages.Gathered(paging, call.url)
        gathered.add(output["body"])
        while url := gathered.next_url(output):
            call = replace(call, url=url)
            call_made, reply = yield from self._followed(call, authorization, follows=follows)
            page = self._judge(call_made, reply, params, context)
            gathered.add(page["body"])
            output = {**page, "elapsed_ms": round(output["elapsed_ms"] + page["elapsed_ms"], 3)}
        return {**output, **gathered.result()}

    def _followed(
        self, call: Call, authorization: Authorization, *, follows: bool
    ) -> Generator[Call, Reply, tuple[Call, Reply]]:
        """The last call and its reply, after the redirects between."""
        call, reply = yield from self._authorized(call, authorization)
        hops = 0
        while follows and (following := self._hop(call, reply, hops, authorization)) is not None:
            call, hops = following, hops + 1
            reply = yield call
        return call, reply

    def _hop(self, call: Call, reply: Reply, hops: int, authorization: Authorization) -> Call | None:
        return redirects.next_call(call, reply, hops=hops, credentials=authorization.header_names)

    def _authorized(self, call: Call, authorization: Authorization) -> Generator[Call, Reply, tuple[Call, Reply]]:
        """One call with its credentials. A token refused with 401 is fetched again, once: a 401 did nothing."""
        sent = yield from authorization.apply(call, self.clock)
        reply = yield sent
        if reply.status == 401 and authorization.forget_token():
            sent = yield from authorization.apply(call, self.clock)
            reply = yield sent
        return sent, reply

    def _judge(self, call: Call, reply: Reply, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        if _is_ok(reply.status, params):
            return {
                "status": reply.status,
                "headers": joined_headers(reply.headers),
                "body": parse_body(reply),
                "elapsed_ms": round(reply.elapsed_ms, 3),
            }
        in_doubt = True if call.had_effect else None
        raise refused(reply, is_safe=call.is_safe, clock=self.clock, context=context, in_doubt=in_doubt)


def _test_auth(params: dict[str, Any]) -> dict[str, Any]:
    """The one secret of a test as `auth`: a password where a user is named, a key where a header is, else a token."""
    secret = params.get("secret")
    if secret is None:
        return {"type": "none"}
    if params.get("username"):
        return {"type": "basic", "username": params["username"], "password": secret}
    if params.get("header"):
        return {"type": "api_key", "name": params["header"], "value": secret}
    return {"type": "bearer", "token": secret}


def _is_ok(status: int, params: dict[str, Any]) -> bool:
    ok = params.get("ok_statuses")
    return status in ok if isinstance(ok, (list, tuple)) and ok else 200 <= status < 300
