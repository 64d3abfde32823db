"""What is sent as the body: JSON, a form, a multipart form with files, or text as it is. At most one of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from automate_connectors.http.fields import as_text, encoded_fields
from automate_connectors.inputs import invalid
from automate_connectors.web.call import json_body

KINDS = ("json", "form", "multipart", "body")


def read_body(params: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes to send and their content type; `b"", ""` where there is nothing. Raises ConnectorError."""
    given = [name for name in KINDS if params.get(name) is not None]
    if len(given) > 1:
        raise invalid("Give one of `json`, `form`, `multipart` and `body`.")
    if not given:
        return b"", ""
    kind, value = given[0], params[given[0]]
    try:
        if kind == "json":
            return json_body(value), "application/json"
        if kind == "body":
            return str(value).encode(), "text/plain; charset=utf-8"
        if not isinstance(value, Mapping):
            raise invalid(f"`{kind}` is an object of names and values.")
        return _form(value) if kind == "form" else _multipart(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid(f"`{kind}` cannot be sent: {type(error).__name__}.") from None


def _form(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    return encoded_fields(fields, "form").encode(), "application/x-www-form-urlencoded"


def _multipart(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """RFC 7578. The boundary is made of the content: the same request is the same bytes on every attempt."""
    parts = [_part(str(name), item) for name, value in fields.items() for item in _each(value)]
    digest = hashlib.sha256(b"\0".join(head + content for head, content in parts))
    boundary = f"automate-{digest.hexdigest()[:32]}".encode()
    body = b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return body + b"--" + boundary + b"--\r\n", f"multipart/form-data; boundary={boundary.decode()}"


def _each(value: Any) -> list[Any]:
    return [item for item in (value if isinstance(value, (list, tuple)) else [value]) if item is not None]


def _part(name: str, value: Any) -> tuple[bytes, bytes]:
    """Head lines and content of one field, or of one file: {filename, content or content_base64, content_type}."""
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if not isinstance(value, Mapping):
        if isinstance(value, (list, tuple)):
            raise invalid(f"`multipart.{name}` holds a list in a list.")
        return head.encode(), as_text(value).encode()
    unknown = set(value) - {"filename", "content", "content_base64", "content_type"}
    if unknown or not isinstance(value.get("filename"), str):
        raise invalid(f"`multipart.{name}` is text, or a file: filename, content or content_base64, content_type.")
    head += f'; filename="{_quoted(value["filename"])}"'
    content_type = str(value.get("content_type") or "application/octet-stream")
    if not content_type.isprintable() or not content_type.isascii():
        raise invalid(f"`multipart.{name}.content_type` is not a media type.")
    return f"{head}\r\nContent-Type: {content_type}".encode(), _content(name, value)


def _content(name: str, file: Mapping[str, Any]) -> bytes:
    if "content_base64" not in file:
        return str(file.get("content", "")).encode()
    try:
        return base64.b64decode(str(file["content_base64"]), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"`multipart.{name}.content_base64` is not base64.") from None


def _quoted(text: str) -> str:
    """As browsers write names (WHATWG HTML, multipart/form-data): a quote or line break would end the line."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
