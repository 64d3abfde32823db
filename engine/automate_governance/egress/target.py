"""A URL, read once: what was checked is what is sent. A URL that two readers could take for two hosts is refused."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

import idna

from automate_governance.egress.errors import InvalidTarget

MAX_URL = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
USUAL_PORTS = {  # those that an allowlist's entry without a port means
    "http": frozenset((80, 443)),
    "https": frozenset((80, 443)),
    "postgresql": frozenset((5432, 6432)),  # and PgBouncer's
    "smtp": frozenset((25, 465, 587, 2525)),
}
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?")
_NAMED = re.compile(r"([^:\[\]]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label like this makes the host an IPv4 address (WHATWG URL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_KEPT = "%/?:@!$&'()*+,;=-._~[]|"


@dataclass(frozen=True)
class Target:
    """Where a request goes. `host`: lower-case ASCII, no trailing dot, IPv6 without brackets.

    `scheme`: http or https; a connection that is not HTTP (`tcp`) has another one of USUAL_PORTS.
    """

    scheme: str
    host: str
    port: int
    path: str  # with the query; begins with "/"
    is_address: bool

    @property
    def usual_ports(self) -> frozenset[int]:
        return USUAL_PORTS[self.scheme]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_target(url: str) -> Target:
    """Read `url`. Raises InvalidTarget; the message never repeats the URL, which may hold a secret.

    >>> parse_target("HTTPS://Example.com./a b?x=1#top").url
    'https://example.com/a%20b?x=1'
    """
    if not isinstance(url, str) or len(url) > MAX_URL:
        raise InvalidTarget(f"The URL must be text of at most {MAX_URL} characters.")
    if _CONTROL.search(url):
        raise InvalidTarget("The URL holds a control character, a line break or a backslash.")
    match = _URL.fullmatch(url.strip(" "))
    if match is None:
        raise InvalidTarget("The URL must begin with http:// or https://.")
    scheme, authority, path, query = match.group(1).lower(), match.group(2), match.group(3), match.group(4) or ""
    host, port, is_address = _parse_authority(authority)
    try:
        encoded = quote((path or "/") + query, safe=_KEPT)
    except UnicodeEncodeError:
        raise InvalidTarget("The URL holds half a character (a lone surrogate).") from None
    return Target(scheme, host, DEFAULT_PORTS[scheme] if port is None else port, encoded, is_address)


@lru_cache(maxsize=4096)  # a workflow calls the same few hosts again and again; no credentials can be in here
def _parse_authority(authority: str) -> tuple[str, int | None, bool]:
    if "@" in authority:
        raise InvalidTarget("The URL holds a user name or password; send credentials in a header.")
    if match := _BRACKETED.fullmatch(authority):
        return _v6_host(match.group(1)), _port(match.group(2)), True
    match = _NAMED.fullmatch(authority)
    if match is None:
        raise InvalidTarget("The URL's host or port cannot be read.")
    host = _ascii_host(match.group(1))
    if _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        return _v4_host(host), _port(match.group(2)), True
    return host, _port(match.group(2)), False


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not 0 < int(text) < 65536:
        raise InvalidTarget("The URL's port is not between 1 and 65535.")
    return int(text)


def _ascii_host(host: str) -> str:
    """The host as DNS will see it: full-width letters, circled digits and other dots are mapped first (UTS 46)."""
    try:
        mapped = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise InvalidTarget("The URL's host is not a valid name.") from None
    mapped = mapped.removesuffix(".")
    if len(mapped) > 253 or not all(_LABEL.fullmatch(label) for label in mapped.split(".")):
        raise InvalidTarget("The URL's host is not a valid name.")
    return mapped


def _v4_host(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))  # refuses octal, hex, short and decimal forms
    except ValueError:
        raise InvalidTarget("Write an IPv4 address as four decimal numbers.") from None


def _v6_host(host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise InvalidTarget("The URL's IPv6 address cannot be read.") from None
