"""Media types: what a Content-Type header says the body is. The header alone chooses the parser, never the body."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from enum import Enum
from functools import lru_cache

from automate.ingest.refusal import UnsupportedMediaType

_UTF8_NAMES = {"utf-8", "utf8", "us-ascii", "ascii", ""}
_ACCEPTED = "Send application/json, application/x-www-form-urlencoded or multipart/form-data."


class BodyKind(Enum):
    JSON = "json"
    URLENCODED = "urlencoded"
    MULTIPART = "multipart"


@dataclass(frozen=True)
class MediaType:
    """The parser to use, and multipart's boundary."""

    kind: BodyKind
    boundary: str = ""


@lru_cache(maxsize=256)
def read_media_type(header: str | None) -> MediaType:
    """Which parser a Content-Type header asks for. Raises UnsupportedMediaType.

    >>> read_media_type("application/vnd.api+json; charset=utf-8").kind
    <BodyKind.JSON: 'json'>
    """
    if not header or not header.strip():
        raise UnsupportedMediaType(f"The request has no Content-Type. {_ACCEPTED}")
    message = Message()
    message["content-type"] = header.replace("\r", " ").replace("\n", " ")
    name = message.get_content_type() if "/" in header else ""
    charset = str(message.get_param("charset") or "").strip().lower()
    if charset not in _UTF8_NAMES:
        raise UnsupportedMediaType("The charset is not UTF-8. Encode the body as UTF-8.", details={"param": "charset"})
    if name == "application/json" or (name.startswith("application/") and name.endswith("+json")):
        return MediaType(BodyKind.JSON)
    if name == "application/x-www-form-urlencoded":
        return MediaType(BodyKind.URLENCODED)
    if name == "multipart/form-data":
        boundary = message.get_param("boundary")
        if not isinstance(boundary, str) or not 1 <= len(boundary) <= 70:
            raise UnsupportedMediaType("The multipart Content-Type has no boundary.", details={"param": "boundary"})
        return MediaType(BodyKind.MULTIPART, boundary)
    raise UnsupportedMediaType(f"This Content-Type is not accepted. {_ACCEPTED}")
