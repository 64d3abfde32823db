"""Addresses: which workspace a request's host or path names, and where the app's own pages are.

`<slug>.localhost` and `<slug>.<base>` are workspaces, `app.…`, the base itself, a bare host and an IP address are the
app. On the app's host a workspace is also the folder `/w/<slug>/`, for clients that cannot resolve sub-domains. The
base is the host of BASE_URL, without a leading `app.`. Imports no Django.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

APP_LABEL = "app"
OPERATORS_LABEL = "admin"  # no workspace can have it as its address
FOLDER = "/w/"


@dataclass(frozen=True)
class Address:
    """What a request's host and path say: `slug` is None on the app; `prefix` is the folder in front ("" on a host)."""

    slug: str | None
    prefix: str = ""


def read_address(host: str, path: str, *, base_url: str) -> Address:
    """The address of a request; `host` may carry a port.

    >>> base = "https://app.automate.example"
    >>> read_address("acme.automate.example", "/runs/", base_url=base)
    Address(slug='acme', prefix='')
    >>> read_address("127.0.0.1:8000", "/w/acme/runs/", base_url=base)
    Address(slug='acme', prefix='/w/acme')
    >>> hosts = ("acme.localhost:8000", "app.localhost", "localhost", "[::1]:80", "a.b.automate.example")
    >>> [read_address(host, "/", base_url=base).slug for host in hosts]
    ['acme', None, None, None, None]
    """
    name = host_name(host)
    label, _, rest = name.partition(".")
    if not is_ip_address(name) and rest and rest in {"localhost", base_host(base_url)} and label != APP_LABEL:
        return Address(label)
    if path.startswith(FOLDER):
        slug, slash, _ = path[len(FOLDER) :].partition("/")
        return Address(slug, f"{FOLDER}{slug}" if slash else "")
    return Address(None)


def is_operators_host(host: str, *, base_url: str) -> bool:
    """Whether a request is for the operators' pages: `admin.` before the base, or before localhost at home.

    >>> hosts = ("admin.localhost:8000", "admin.automate.example", "app.localhost", "admin.evil.example", "admin")
    >>> [is_operators_host(host, base_url="https://app.automate.example") for host in hosts]
    [True, True, False, False, False]
    """
    label, _, rest = host_name(host).partition(".")
    return label == OPERATORS_LABEL and bool(rest) and rest in {"localhost", base_host(base_url)}


def host_name(host: str) -> str:
    """The host without its port, in small letters, without a final dot."""
    name = host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return name.lower().removesuffix(".")


def base_host(base_url: str) -> str:
    """The name that workspaces' hosts end with; "" when the installation is known by an IP address or a bare name."""
    name = host_name(urlsplit(base_url).netloc.rpartition("@")[2])
    if is_ip_address(name) or "." not in name:
        return ""
    return name.removeprefix(f"{APP_LABEL}.")


def is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_local_name(name: str | None) -> bool:
    """Whether a host name or address means the machine that reads it.

    >>> names = ("localhost", "app.localhost", "127.0.0.1", "::1", "10.0.0.7", "example.com", "", None)
    >>> [is_local_name(name) for name in names]
    [True, True, True, True, False, False, False, False]
    """
    if not name or name.rpartition(".")[2] == "localhost":
        return bool(name)
    return is_ip_address(name) and ipaddress.ip_address(name).is_loopback
