"""Form posts: text fields become a JSON object of strings; a name sent more than once becomes an array. No files."""

from __future__ import annotations

from email.message import Message
from urllib.parse import parse_qsl

from automate.ingest.refusal import InvalidEncoding, InvalidForm, UnstorableText

MAX_FIELDS = 1000
_MAX_PART_HEAD_BYTES = 8192

Fields = dict[str, "str | list[str]"]


def read_urlencoded(raw: bytes) -> Fields:
    """The fields of `application/x-www-form-urlencoded`, in UTF-8, empty values kept. Raises a Refusal."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidForm("The form post has bytes that are not percent-encoded.") from None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise InvalidEncoding("A form field is not UTF-8. Percent-encode its UTF-8 bytes.") from None
    except ValueError:
        raise _too_many() from None
    return _collect(pairs)


def read_multipart(raw: bytes, boundary: str) -> Fields:
    """The text fields of `multipart/form-data` (RFC 7578). Raises a Refusal, also for any file."""
    delimiter = b"\r\n--" + boundary.encode("ascii", "replace")
    _preamble, *parts = (b"\r\n" + raw).split(delimiter, MAX_FIELDS + 2)
    if len(parts) > MAX_FIELDS + 1:
        raise _too_many()
    if not parts or not parts[-1].startswith(b"--"):
        raise InvalidForm("The multipart body has no end or another boundary.")
    return _collect([_read_part(part) for part in parts[:-1]])


def _read_part(part: bytes) -> tuple[str, str]:
    head, gap, content = part.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n") or len(head) > _MAX_PART_HEAD_BYTES:
        raise InvalidForm("A part of the multipart body is malformed.")
    headers = Message()
    try:
        for line in head[2:].decode("utf-8").split("\r\n"):
            name, colon, value = line.partition(":")
            if not colon:
                raise InvalidForm("A part of the multipart body has a malformed header.")
            headers[name.strip()] = value.strip()
        field = headers.get_param("name", header="content-disposition")
        if headers.get_param("filename", header="content-disposition") is not None:
            raise InvalidForm("The form post carries a file. Send text fields only.")
        if headers.get_content_type() != "text/plain" or headers.get("content-transfer-encoding") not in (None, "8bit"):
            raise InvalidForm("A part of the multipart body is not plain text. Send text fields only.")
        if not isinstance(field, str):
            raise InvalidForm("A part of the multipart body has no name.")
        return field, content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidEncoding("A form field is not UTF-8.") from None


def _collect(pairs: list[tuple[str, str]]) -> Fields:
    fields: Fields = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise UnstorableText("A form field holds the character U+0000. Remove it.", details={"reason": "nul"})
        known = fields.get(name)
        if known is None:
            fields[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            fields[name] = [known, value]
    if not fields:
        raise InvalidForm("The form post has no fields.")
    return fields


def _too_many() -> InvalidForm:
    return InvalidForm(f"The form post has more than {MAX_FIELDS:,} fields.", details={"limit": MAX_FIELDS})
