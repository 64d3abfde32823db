"""The form of `http.request`."""

from __future__ import annotations

from typing import Any

from automate_connectors.http.pages import KINDS as PAGE_KINDS
from automate_connectors.http.pages import MAX_PAGES
from automate_connectors.http.request import METHODS, is_repeatable
from automate_connectors.models import ActionSpec
from automate_governance.egress.reply import MAX_BODY_BYTES


def _text(title: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "title": title, **more}


def _secret(title: str) -> dict[str, Any]:
    return _text(title, format="password", secret=True)


_AUTH = {
    "type": "object",
    "title": "Authorization",
    "description": "Credentials, as references to secrets. `oauth2_client_credentials` fetches a token and keeps it "
    "until shortly before it ends.",
    "properties": {
        "type": _text("Kind", enum=["none", "basic", "bearer", "api_key", "oauth2_client_credentials"]),
        "username": _text("User name", description="basic"),
        "password": {**_secret("Password"), "description": "basic"},
        "token": {**_secret("Token"), "description": "bearer"},
        "name": _text("Name of the key", description="api_key: the header's or parameter's", examples=["X-Api-Key"]),
        "value": {**_secret("Key"), "description": "api_key"},
        "in": _text("Where the key goes", enum=["header", "query"], default="header", description="api_key"),
        "token_url": _text("Token URL", format="uri", description="oauth2_client_credentials"),
        "client_id": _text("Client id", description="oauth2_client_credentials"),
        "client_secret": {**_secret("Client secret"), "description": "oauth2_client_credentials"},
        "scopes": {"type": ["array", "string"], "items": {"type": "string"}, "title": "Scopes"},
        "audience": _text("Audience", description="oauth2_client_credentials, where the server wants one"),
        "client_auth": _text("Client credentials go into", enum=["basic", "body"], default="basic"),
    },
    "required": ["type"],
    "examples": [{"type": "bearer", "token": {"$secret": "CRM_TOKEN"}}],
}

_PAGINATE = {
    "type": "object",
    "title": "Pages",
    "description": "Follow further pages, on the first one's host; `body` is the list of all items.",
    "properties": {
        "type": _text(
            "Kind", enum=list(PAGE_KINDS), description="a Link header, a cursor in the body, or page numbers"
        ),
        "items": _text(
            "Path of the list", description="dotted path in the body; empty: the body itself", examples=["data.items"]
        ),
        "cursor": _text(
            "Path of the next cursor", description="cursor: a text, or the next URL", examples=["meta.next"]
        ),
        "param": _text("Query parameter", description="takes the cursor (`cursor`) or the number (`page`)"),
        "start": {"type": "integer", "title": "First page's number", "minimum": 0, "default": 1},
        "max_pages": {"type": "integer", "title": "Pages at most", "minimum": 1, "maximum": MAX_PAGES, "default": 10},
    },
    "required": ["type"],
    "examples": [{"type": "link"}, {"type": "cursor", "items": "data", "cursor": "next_cursor"}],
}

ACTIONS = {
    "request": ActionSpec(
        name="Request",
        description="Send one HTTP request. Redirects are followed only where `follow_redirects` says so.",
        inputs={
            "method": _text("Method", enum=list(METHODS), default="GET"),
            "url": _text("URL", format="uri", required=True, examples=["https://api.example.com/orders"]),
            "headers": {
                "type": "object",
                "title": "Headers",
                "additionalProperties": {"type": "string"},
                "examples": [{"Accept": "application/json"}],
            },
            "query": {
                "type": "object",
                "title": "Query",
                "description": "Added to the URL; a list repeats its name.",
                "examples": [{"limit": 50}],
            },
            "auth": _AUTH,
            "json": {
                "title": "JSON body",
                "description": "Sent as JSON. One of json, form, multipart and body.",
                "examples": [{"order": "{{ payload.id }}"}],
            },
            "form": {
                "type": "object",
                "title": "Form",
                "description": "Sent as application/x-www-form-urlencoded.",
                "examples": [{"name": "Ann"}],
            },
            "multipart": {
                "type": "object",
                "title": "Multipart form",
                "description": "As multipart/form-data. A file: filename, content or content_base64, content_type.",
                "examples": [{"file": {"filename": "a.txt", "content": "hi", "content_type": "text/plain"}}],
            },
            "body": _text("Body", description="Sent as it is.", format="textarea"),
            "paginate": _PAGINATE,
            "follow_redirects": {
                "type": "boolean",
                "title": "Follow redirects",
                "description": "Up to 5, each checked like the first call. To another host no credentials go along.",
                "default": False,
            },
            "timeout": {
                "type": "number",
                "title": "Time limit of one call",
                "description": "Seconds. The step's own limit holds where it is shorter.",
                "minimum": 0.1,
                "maximum": 60,
            },
            "max_response_bytes": {
                "type": "integer",
                "title": "Size limit of one reply",
                "description": "Bytes, unpacked. A larger reply fails the step.",
                "minimum": 1,
                "maximum": MAX_BODY_BYTES,
                "default": MAX_BODY_BYTES,
            },
            "ok_statuses": {
                "type": "array",
                "title": "Statuses that count as success",
                "items": {"type": "integer", "minimum": 100, "maximum": 599},
                "description": "Without it, 200 to 299.",
                "examples": [[200, 404]],
            },
        },
        outputs={
            "status": {"type": "integer", "title": "Status"},
            "headers": {"type": "object", "title": "Headers", "description": "Names in lower case."},
            "body": {"title": "Body", "description": "Parsed where it is JSON, else text. With pages: all items."},
            "elapsed_ms": {"type": "number", "title": "Milliseconds"},
            "pages": {"type": "integer", "title": "Pages read", "description": "With `paginate` only."},
            "truncated": {
                "type": "boolean",
                "title": "Cut short",
                "description": "With `paginate`: there was more than max_pages, or than an output holds.",
            },
        },
        effect="write",
        idempotency="none",
        repeatable=is_repeatable,
    )
}

CONNECTION = ActionSpec(
    inputs={
        "url": _text("URL", required=True, format="uri", minLength=1, examples=["https://api.example.com/status"]),
        "method": _text("Method", enum=["GET", "HEAD"], default="GET"),
        "secret": {
            **_secret("Secret"),
            "description": "Sent as a bearer token, unless one of the next two is filled in.",
        },
        "username": _text("User name", description="The secret is its password (Basic)."),
        "header": _text("Header", description="The secret is sent in it.", examples=["X-Api-Key"]),
    },
    effect="read",
)
