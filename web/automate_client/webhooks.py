"""`automate webhooks …`: endpoints that others send events to."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import quote
from uuid import UUID

from automate_client.api import Api
from automate_client.failures import NOT_FOUND, CommandFailed
from automate_client.parser import filters_of
from automate_client.talk import confirm, show, show_page

COLUMNS = {"slug": "slug", "url": "url", "auth": "auth", "paused": "is_paused", "id": "id"}


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/webhooks", **filters_of(options)), COLUMNS)


def delete(options: argparse.Namespace) -> None:
    api = Api(options)
    webhook = _webhook(api, options.webhook)
    confirm(options, f"Delete {webhook['slug']} for good? What is sent to its address is lost from then on.")
    path = f"/webhooks/{quote(webhook['id'], safe='')}"
    show(options, api.change("DELETE", path), [f"{webhook['slug']}: deleted"])


def _webhook(api: Api, text: str) -> Any:
    """The endpoint in use with this id or slug. Raises Refused, CommandFailed."""
    try:
        return api.get(f"/webhooks/{UUID(text)}")
    except ValueError:
        pass
    for webhook in api.pages("/webhooks"):
        if webhook["slug"] == text:
            return webhook
    raise CommandFailed(f"There is no webhook {text}. See: automate webhooks list", NOT_FOUND)
