"""Addresses: from the app's host to a workspace and back.

At home (`localhost`, an IP address) a workspace is the folder `/w/<slug>/` of the same host, so that any client can
resolve it. On a named installation the app is `app.<base>` and a workspace is `<slug>.<base>`.
"""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

APP_LABEL = "app"
OPERATORS_LABEL = "admin"


def workspace_url(request: HttpRequest, slug: str, path: str = "/") -> str:
    """The address of `path` in the workspace, seen from the app's host (absolute path or full URL)."""
    host = request.get_host()
    if lives_in_folders(host):
        return f"/w/{slug}{path}"
    return f"{request.scheme}://{slug}.{_base(host)}{path}"


def app_url(request: HttpRequest, path: str = "/", *, asked_from: str = "") -> str:
    """The address of `path` on the app's host, seen from a workspace or from the app's host itself.

    `asked_from` names the host that the person is logged in on; it counts only when it is one of the app's two names.
    """
    if getattr(request, "tenant", None) is None:  # also an error page about a host that is refused
        return path
    host = request.get_host()
    if lives_in_folders(host):
        return path
    base = host.partition(".")[2]
    return f"{request.scheme}://{base if asked_from == base else f'{APP_LABEL}.{base}'}{path}"


def hook_url(token: str) -> str:
    """Where senders post: always on the installation's own base URL, which any client can resolve."""
    return f"{settings.BASE_URL.rstrip('/')}/hooks/{token}"


def lives_in_folders(host: str) -> bool:
    """
    >>> [lives_in_folders(h) for h in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "app.localhost", "a.example")]
    [True, True, True, False, False]
    """
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]")
    if name == "localhost" or ("." not in name and ":" not in name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _base(host: str) -> str:
    label, _, rest = host.partition(".")
    return rest if label in {APP_LABEL, OPERATORS_LABEL} else host
