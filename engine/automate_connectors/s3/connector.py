"""Calls of the S3 protocol. PUT, GET and DELETE may be repeated: the second time does no more than the first."""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Any

from automate_connectors.inputs import invalid
from automate_connectors.models import ActionSpec, ConnectorError
from automate_connectors.s3.sigv4 import Credentials, encoded_path, signed_headers
from automate_connectors.s3.spec import ACTIONS, CONFIG
from automate_connectors.web import Call, Plan, WebConnector, joined_headers, refused
from automate_connectors.web.call import json_body
from automate_governance.egress import Reply
from automate_governance.egress.reply import MAX_BODY_BYTES

_MARK = "x-amz-meta-automate-key"
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{1,300})</Message>")
_NOTHING_DONE = frozenset(("SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"))


class S3Adapter(WebConnector):
    code = "s3"
    name = "S3"
    description = "Objects in Amazon S3 and compatible storage."
    actions = ACTIONS
    config = CONFIG
    connection = ActionSpec(inputs=CONFIG, effect="read")

    def plan_test(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        """HeadBucket: a right to list the bucket is what it needs. Its refusals have no body, so no words of S3."""
        reply = yield self._call("HEAD", {**params, "object_key": ""}, {})
        if reply.status != 200:
            raise self._refusal(reply, context)
        return f"The bucket {params['bucket']} is there, and the keys may list it."

    def plan_put_object(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        content, content_type = _content(params)
        key = str(context.get("idempotency_key") or "")
        headers = {"Content-Type": params.get("content_type") or content_type}
        headers |= {f"x-amz-meta-{name.lower()}": value for name, value in params.get("metadata", {}).items()}
        if not params["overwrite"]:
            headers |= {"If-None-Match": "*"} | ({_MARK: key} if key else {})
        reply = yield self._call("PUT", params, headers, content)
        if reply.status == 412 and key:
            reply = yield from self._our_own(params, key, refusal=reply)
        if reply.status != 200:
            raise self._refusal(reply, context)
        return {
            "bucket": params["bucket"],
            "object_key": params["object_key"],
            "etag": reply.header("etag").strip('"'),
            "bytes": len(content),
            "version_id": reply.header("x-amz-version-id") or None,
        }

    def plan_get_object(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield self._call("GET", params, {}, max_body_bytes=params["max_bytes"])
        if reply.status != 200:
            raise self._refusal(reply, context)
        text = _as_text(reply.body)
        headers = joined_headers(reply.headers)
        prefix = "x-amz-meta-"
        return {
            "content": text,
            "content_base64": None if text is not None else base64.b64encode(reply.body).decode(),
            "content_type": reply.header("content-type"),
            "etag": reply.header("etag").strip('"'),
            "bytes": len(reply.body),
            "metadata": {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)},
        }

    def plan_delete_object(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield self._call("DELETE", params, {})
        if reply.status not in (200, 204, 404) or (reply.status == 404 and _said(reply) == "NoSuchBucket"):
            raise self._refusal(reply, context)
        return {"deleted": True}

    def _our_own(self, params: dict[str, Any], key: str, *, refusal: Reply) -> Any:
        """Something is there already: our own first attempt, if it carries this step's key."""
        found = yield self._call("HEAD", params, {})
        return found if found.status == 200 and found.header(_MARK) == key else refusal

    def _call(
        self,
        method: str,
        params: dict[str, Any],
        headers: dict[str, str],
        body: bytes = b"",
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> Call:
        url = _url(params)
        credentials = Credentials(params["access_key_id"], params["secret_access_key"], params.get("session_token", ""))
        signed = signed_headers(
            method, url, headers, body, credentials=credentials, region=params["region"], now=self.clock.now()
        )
        return Call(method, url, True, signed, body, max_body_bytes=max_body_bytes)

    def _refusal(self, reply: Reply, context: dict[str, Any]) -> ConnectorError:
        said, message = _said(reply), _MESSAGE.search(reply.body)
        shown = html.unescape(message.group(1).decode("utf-8", "replace")) if message else ""
        return refused(
            reply,
            is_safe=True,
            clock=self.clock,
            context=context,
            code=f"s3_{said}" if said else f"s3_{reply.status}",
            message=f"S3: {shown}" if shown else "",
            retryable=True if said in _NOTHING_DONE or reply.status == 409 else None,
        )


def _url(params: dict[str, Any]) -> str:
    """Endpoint and bucket in the path; Amazon's own has the bucket in the host, unless its name has a dot."""
    object_key = params["object_key"]
    if any(part in (".", "..") for part in object_key.split("/")):
        raise invalid("`object_key` has a part `.` or `..`, which is no part of a path.")
    path, bucket = encoded_path(object_key), params["bucket"]
    if "endpoint" in params:
        return f"{params['endpoint'].rstrip('/')}/{bucket}/{path}"
    host = f"s3.{params['region']}.amazonaws.com"
    return f"https://{host}/{bucket}/{path}" if "." in bucket else f"https://{bucket}.{host}/{path}"


def _content(params: dict[str, Any]) -> tuple[bytes, str]:
    given = [name for name in ("content", "content_base64", "json") if name in params]
    if len(given) != 1:
        raise invalid("Give one of `content`, `content_base64` and `json`.")
    value = params[given[0]]
    try:
        if given[0] == "json":
            return json_body(value), "application/json"
        if given[0] == "content":
            return value.encode(), "text/plain; charset=utf-8"
        return base64.b64decode(value, validate=True), "application/octet-stream"
    except (TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise invalid(f"`{given[0]}` cannot be sent: {type(error).__name__}.") from None


def _said(reply: Reply) -> str:
    found = _CODE.search(reply.body)
    return found.group(1).decode() if found else ""


def _as_text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
