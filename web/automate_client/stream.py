"""Hearing that something changed: the workspace's live stream, and looking anyway every few seconds without it.

The stream carries no data: what changed is read from the API, so a stream that breaks loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2 as httpx

from automate_client.api import Api, Refused

LOOK_SECONDS = 3.0  # without a stream
QUIET_SECONDS = 30.0  # with one: it says something every 15 s


def changes(api: Api) -> Iterator[None]:
    """Yields at the beginning and whenever something may have changed, for ever. Raises what asking the API raises."""
    yield
    while True:
        url = _address(api)
        if url:
            yield from _heard(url)
        yield
        time.sleep(LOOK_SECONDS)


def _address(api: Api) -> str:
    """The stream's address; empty where this key may not listen."""
    try:
        return str(api.send("POST", "/events/stream-tokens")["url"])
    except Refused as error:
        if error.status in {403, 404, 429}:
            return ""
        raise


def _heard(url: str) -> Iterator[None]:
    """What the stream says until it ends, for whatever reason."""
    timeout = httpx.Timeout(QUIET_SECONDS, connect=10.0)
    try:
        with httpx.stream("GET", url, timeout=timeout, headers={"Accept": "text/event-stream"}) as answer:
            if answer.status_code == 200:
                for line in answer.iter_lines():
                    if line.startswith("event:"):
                        yield
    except (httpx.TransportError, httpx.InvalidURL):
        return
