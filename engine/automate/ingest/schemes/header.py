"""One HMAC in one header: GitHub, Slack, Shopify, and whoever signs alike."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping

from automate.ingest.refusal import InvalidSignature
from automate.ingest.schemes.options import HmacOptions
from automate.ingest.schemes.scheme import MAX_SIGNATURES, demand_match, missing
from automate.ingest.verify import check_clock, usable_keys

_URL_SAFE = str.maketrans("-_", "+/")


class HeaderHmac:
    """`also` are other names, in lower case, under which the signature and the delivery's id may come."""

    def __init__(self, options: HmacOptions, *, fix: str = "Sign the request.", also: tuple[str, str] | None = None):
        self._options = options
        self._fix = fix
        self._header = options.header.lower()
        self._timestamp_header = options.timestamp_header.lower()
        self._id_header = options.id_header.lower()
        self._also = also
        before, _, after = options.signed.partition("{body}")
        self._before, self._after = before, after
        self._is_body_alone = not before and not after

    @property
    def delivery_headers(self) -> tuple[str, ...]:
        names = (self._id_header,) if self._id_header else ()
        return (*names, self._also[1]) if self._also else names or ("webhook-id",)

    def verify(self, *, secrets: Iterable[str], headers: Mapping[str, str], raw: bytes, now_seconds: float) -> None:
        keys = usable_keys(map(str.encode, secrets))
        claimed = headers.get(self._header) or (headers.get(self._also[0]) if self._also else None)
        timestamp = headers.get(self._timestamp_header) if self._timestamp_header else ""
        delivery = headers.get(self._id_header, "") if "{id}" in self._options.signed else ""
        if not claimed or timestamp is None or ("{id}" in self._options.signed and not delivery):
            raise missing(self._absent(claimed, timestamp, delivery), self._fix)
        if self._timestamp_header:
            self._check_clock(timestamp, now_seconds)
        theirs = list(self._claims(claimed))
        if not theirs:
            raise InvalidSignature(f"{self._options.header} must begin with `{self._options.prefix}`.")
        signed = self._signed(raw, timestamp, delivery)
        demand_match([self._signature(key, signed) for key in keys], theirs)

    def sign(self, *, secret: str, raw: bytes, delivery: str, now_seconds: float) -> dict[str, str]:
        options = self._options
        timestamp = str(int(now_seconds)) if self._timestamp_header else ""
        signed = self._signed(raw, timestamp, delivery if self._id_header else "")
        headers = {options.timestamp_header: timestamp, options.id_header: delivery}
        signature = self._signature(secret.encode(), signed).decode()
        padding = "=" * (-len(signature) % 4) if options.encoding == "base64" else ""
        named = {name: value for name, value in headers.items() if name}
        return {options.header: f"{options.prefix}{signature}{padding}", **named}

    def _check_clock(self, timestamp: str, now_seconds: float) -> None:
        seconds = timestamp[:-3] if len(timestamp) == 13 and timestamp.isdecimal() else timestamp  # milliseconds
        check_clock(
            seconds, self._options.timestamp_header, now_seconds, tolerance_seconds=self._options.tolerance_seconds
        )

    def _signed(self, raw: bytes, timestamp: str, delivery: str) -> bytes:
        if self._is_body_alone:
            return raw
        return _filled(self._before, timestamp, delivery) + raw + _filled(self._after, timestamp, delivery)

    def _signature(self, key: bytes, signed: bytes) -> bytes:
        """As it is compared: lower-case hex, or base64 without its padding."""
        digest = hmac.digest(key, signed, self._options.algorithm)
        if self._options.encoding == "hex":
            return digest.hex().encode()
        return base64.b64encode(digest).rstrip(b"=")

    def _claims(self, header: str) -> Iterable[bytes]:
        for part in header.split(",")[:MAX_SIGNATURES]:
            text = part.strip()
            if text.startswith(self._options.prefix):
                claim = text[len(self._options.prefix) :]
                claim = claim.lower() if self._options.encoding == "hex" else claim.rstrip("=").translate(_URL_SAFE)
                yield claim.encode("utf-8", "surrogateescape")

    def _absent(self, claimed: str | None, timestamp: str | None, delivery: str) -> list[str]:
        options = self._options
        absent = {options.header: not claimed, options.timestamp_header: timestamp is None}
        absent |= {options.id_header: "{id}" in options.signed and not delivery}
        return [name for name, is_absent in absent.items() if is_absent]


def _filled(text: str, timestamp: str, delivery: str) -> bytes:
    """In one pass: a delivery called `{timestamp}` stays what it is."""
    known = {"timestamp": timestamp, "id": delivery}
    return re.sub(r"\{(timestamp|id)\}", lambda place: known[place[1]], text).encode("utf-8", "surrogateescape")
