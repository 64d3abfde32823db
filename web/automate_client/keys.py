"""`automate keys …`: a new key's text is the one line on stdout, so that it can be piped to where it belongs."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import quote

from automate_client.api import Api
from automate_client.parser import filters_of
from automate_client.talk import confirm, say, show, show_page

COLUMNS = {
    "id": "id",
    "name": "name",
    "test": "is_test",
    "prefix": "prefix",
    "last4": "last4",
    "used": "latest_used_at",
    "expires": "expires_at",
    "revoked": "revoked_at",
}
OVERLAPS = {"0": 0, "1h": 3600, "24h": 86_400, "7d": 604_800}


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/keys", **filters_of(options)), COLUMNS)


def create(options: argparse.Namespace) -> None:
    """Without `--scope` the new key may do what the caller's may."""
    api = Api(options)
    scopes = options.scope or api.get("/key")["scopes"]
    _made(options, api.change("POST", "/keys", {"name": options.name, "scopes": scopes, "is_test": options.test}))


def roll(options: argparse.Namespace) -> None:
    confirm(options, f"Make a new key in the place of {options.key}?")
    body = {"overlap_seconds": OVERLAPS[options.overlap]}
    _made(options, Api(options).change("POST", f"{_path(options.key)}/rolls", body))


def revoke(options: argparse.Namespace) -> None:
    api = Api(options)
    key = api.get(_path(options.key))
    confirm(options, f"End the key {key['name']!r} ({key['prefix']}…{key['last4']}) for good?")
    show(options, api.change("POST", f"{_path(options.key)}/revocations"), [f"{key['name']}: revoked"])


def _path(key: str) -> str:
    return f"/keys/{quote(key, safe='')}"


def _made(options: argparse.Namespace, key: Any) -> None:
    show(options, key, [key["api_key"]])
    say(options, f"The key {key['name']!r} (id {key['id']}) is shown this once.")
