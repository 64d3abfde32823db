"""`automate listen --forward-to URL`: events of the workspace, passed on to a server of a person's as they come.

Each is a POST with the payload as JSON, the headers that were kept with the request, and our own that say which event
it is. One at a time, in order. A server that is away is tried again for half a minute, so that restarting it loses
nothing; what it answers is printed and not judged. The last line says where to go on.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from automate_client.api import Api
from automate_client.failures import FAILED, USAGE, CommandFailed
from automate_client.feed import Feed
from automate_client.talk import say, show

TIMEOUT_SECONDS = 30.0
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # while the server does not answer at all
OWN_HOP = {"content-length", "host", "connection", "transfer-encoding", "content-encoding", "expect"}


def run(options: argparse.Namespace) -> int:
    """Until Ctrl-C, or after `--count` events: then 1 if one of them could not be passed on."""
    parts = urlsplit(options.forward_to)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CommandFailed(f"{options.forward_to!r} is no address of a server.", USAGE)
    feed = Feed(Api(options), options)
    say(options, f"Passing events on to {options.forward_to}; Ctrl-C ends it.")
    lost = 0
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client:
            for number, event in enumerate(feed.events(), start=1):
                told = _pass_on(client, options, event)
                lost += told["status"] is None
                words = f"{told['status'] or 'no answer'}  {told['milliseconds']} ms  {event['type']}  {event['id']}"
                show(options, told, [words if told["error"] is None else f"{words}  {told['error']}"])
                if number == options.count:
                    break
    except KeyboardInterrupt:
        say(options, f"To go on from here: --cursor {feed.cursor}")
        raise
    return FAILED if lost else 0


def _pass_on(client: httpx.Client, options: argparse.Namespace, event: dict[str, Any]) -> dict[str, Any]:
    """What became of it: `{event_id, type, status, milliseconds, error}`; no status where nothing answered."""
    body = json.dumps(event["payload"], ensure_ascii=False, separators=(",", ":")).encode()
    told = {"event_id": event["id"], "type": event["type"], "status": None, "milliseconds": 0, "error": None}
    if options.dry_run:
        return {**told, "status": 0}
    for pause in (*PAUSES_SECONDS, None):
        began = time.monotonic()
        try:
            answer = client.post(options.forward_to, content=body, headers=headers_of(event))
        except httpx.ConnectError as error:
            told["error"] = str(error)
        except httpx.TransportError as error:  # it may have been taken: not sent twice
            return {**told, "milliseconds": _since(began), "error": f"{type(error).__name__}: {error}"}
        else:
            return {**told, "status": answer.status_code, "milliseconds": _since(began), "error": None}
        if pause is None:
            break
        say(options, f"{options.forward_to} does not answer; trying again in {pause:g} s.")
        time.sleep(pause)
    return told


def headers_of(event: dict[str, Any]) -> dict[str, str]:
    """The headers that came with it, and ours.

    >>> headers_of({"id": "1", "type": "a", "source": "api", "trace_id": "t", "headers": {"X-Shop": "1", "Host": "h"}})
    {'x-shop': '1', 'content-type': 'application/json', 'automate-event-id': '1', 'automate-event-type': 'a', \
'automate-source': 'api', 'automate-trace-id': 't'}
    """
    came = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    kept = {name: value for name, value in came.items() if name not in OWN_HOP and value.isprintable()}
    return {
        **kept,
        "content-type": "application/json",
        "automate-event-id": event["id"],
        "automate-event-type": event["type"].encode("ascii", "replace").decode(),
        "automate-source": event["source"].encode("ascii", "replace").decode(),
        "automate-trace-id": event["trace_id"],
    }


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
