"""`automate events …`"""

from __future__ import annotations

import argparse
import sys
from urllib.parse import quote

from automate_client.api import Api
from automate_client.documents import parsed, text_of
from automate_client.feed import Feed
from automate_client.parser import filters_of
from automate_client.talk import say, show, show_page

COLUMNS = {"id": "id", "type": "type", "source": "source", "received": "received_at"}


def send(options: argparse.Namespace) -> None:
    text = sys.stdin.read() if options.data in {None, "-"} else options.data
    body = {"type": options.type, "payload": parsed(text or "{}", "The payload")}
    headers = {"Idempotency-Key": options.dedupe_key} if options.dedupe_key else None
    show(options, Api(options).change("POST", "/events", body, headers=headers))


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/events", **filters_of(options)), COLUMNS)


def tail(options: argparse.Namespace) -> None:
    feed = Feed(Api(options), options)
    say(options, "Waiting for events; Ctrl-C ends it.")
    try:
        for number, event in enumerate(feed.events(), start=1):
            line = f"{event['received_at']}  {event['type']}  {event['source']}  {event['id']}"
            show(options, event, [line])
            if number == options.count:
                return
    except KeyboardInterrupt:
        say(options, f"To go on from here: --cursor {feed.cursor}")
        raise


def replay(options: argparse.Namespace) -> None:
    body = {"workflow": options.workflow} if options.workflow else {}
    if options.file:
        body["payload"] = parsed(text_of(options.file), options.file)
    made = Api(options).change("POST", f"/events/{quote(options.event, safe='')}/replays", body)
    show(options, made, [made["id"]])
