"""Settings of a custom HMAC: which header, what is signed, how the signature is written. Imports no Django."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

ALGORITHMS = ("sha256", "sha512", "sha1")
ENCODINGS = ("hex", "base64")
MAX_TOLERANCE_SECONDS = 86_400

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # a token of RFC 9110
_VISIBLE = re.compile(r"[ -~]*")
_PLACE = re.compile(r"\{([^{}]*)\}")
_TAKEN = frozenset({"authorization", "cookie", "content-length", "content-type", "host", "transfer-encoding"})


class InvalidOptions(ValueError):
    """They cannot be so; `param` names which."""

    def __init__(self, param: str, message: str):
        super().__init__(message)
        self.param = param
        self.message = message


@dataclass(frozen=True)
class HmacOptions:
    """`signed` is what is signed: text with `{body}`, and `{timestamp}` and `{id}` where those headers are named.

    >>> HmacOptions(header="X-Signature").as_dict()["signed"]
    '{body}'
    """

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""  # before each signature: "sha256="
    timestamp_header: str = ""  # whole seconds, or milliseconds, since 1970
    tolerance_seconds: int = 300
    signed: str = "{body}"
    id_header: str = ""  # names the delivery: a dedupe key

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def parse_options(given: Mapping[str, Any]) -> HmacOptions:
    """What is left out has its default. Raises InvalidOptions.

    >>> parse_options({"header": "X-Sig", "timestamp_header": "X-Time", "signed": "{timestamp}.{body}"}).signed
    '{timestamp}.{body}'
    """
    kinds = {field.name: int if field.name == "tolerance_seconds" else str for field in fields(HmacOptions)}
    for name, value in given.items():
        if name not in kinds:
            raise InvalidOptions(name, f"There is no option {name[:40]}; there are {', '.join(kinds)}.")
        if not isinstance(value, kinds[name]) or isinstance(value, bool):
            raise InvalidOptions(name, f"{name} must be {'a whole number' if kinds[name] is int else 'text'}.")
    options = HmacOptions(**{"header": "", **given})
    _check(options)
    return options


def _check(options: HmacOptions) -> None:
    if not _HEADER.fullmatch(options.header) or options.header.lower() in _TAKEN:
        raise InvalidOptions("header", "Name the header that carries the signature, such as X-Signature.")
    if options.algorithm not in ALGORITHMS:
        raise InvalidOptions("algorithm", f"Choose one of {', '.join(ALGORITHMS)}.")
    if options.encoding not in ENCODINGS:
        raise InvalidOptions("encoding", f"Choose one of {', '.join(ENCODINGS)}.")
    if len(options.prefix) > 40 or "," in options.prefix or not _VISIBLE.fullmatch(options.prefix):
        raise InvalidOptions("prefix", "A prefix has at most 40 visible characters and no comma.")
    for param in ("timestamp_header", "id_header"):
        name = getattr(options, param)
        if name and (not _HEADER.fullmatch(name) or name.lower() in {*_TAKEN, options.header.lower()}):
            raise InvalidOptions(param, "Name a header of its own, such as X-Timestamp, or none.")
    if not 1 <= options.tolerance_seconds <= MAX_TOLERANCE_SECONDS:
        raise InvalidOptions("tolerance_seconds", f"Choose 1 to {MAX_TOLERANCE_SECONDS} seconds.")
    _check_signed(options)


def _check_signed(options: HmacOptions) -> None:
    """A time that is not signed proves nothing, and what is signed must come with the request."""
    places = _PLACE.findall(options.signed)
    known = {"body": True, "timestamp": bool(options.timestamp_header), "id": bool(options.id_header)}
    message = ""
    if len(options.signed) > 200 or not _VISIBLE.fullmatch(_PLACE.sub("", options.signed).replace("\n", "")):
        message = "At most 200 characters, visible ones and line breaks."
    elif unknown := [place for place in places if place not in known]:
        message = f"{{{unknown[0][:20]}}} is not known: there are {{body}}, {{timestamp}} and {{id}}."
    elif places.count("body") != 1:
        message = "It must contain {body} once."
    elif absent := [place for place in places if not known[place]]:
        message = f"{{{absent[0]}}} needs the {absent[0]}'s header to be named."
    elif options.timestamp_header and "timestamp" not in places:
        message = "With a timestamp header it must contain {timestamp}: a time that is not signed proves nothing."
    if message:
        raise InvalidOptions("signed", message)
