"""`automate events send`: one event through the API, as a sender would."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from typing import Any

from automate_platform import environment as env
from automate_platform.cli import EXIT_OF_STATUS, CommandFailed, data
from automate_platform.cli.running import ready
from automate_platform.home import Home

INVALID = 5
TIMEOUT_SECONDS = 30


def run(options: argparse.Namespace) -> int:
    running = ready(Home(env.home()))
    key = env.text("DJANGO_AUTOMATE_KEY") or running.get("api_key")
    url = options.url or env.text("DJANGO_AUTOMATE_URL") or running.get("api_url")
    if not key or not url:
        raise CommandFailed("No key or address. Run `automate up` first, or set DJANGO_AUTOMATE_KEY and --url.")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if options.dedupe_key:
        headers["Idempotency-Key"] = options.dedupe_key
    body = json.dumps({"type": options.type, "payload": _payload(options.data)}).encode()
    data.show(_post(f"{url.rstrip('/')}/events", body, headers), as_json=options.json)
    return 0


def _payload(text: str | None) -> Any:
    text = sys.stdin.read() if text in {None, "-"} else text
    try:
        return json.loads(text or "{}")
    except ValueError as error:
        raise CommandFailed(f"The payload is not JSON: {error}", INVALID) from error


def _post(url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The answer's JSON. Raises CommandFailed with the exit code that the answer's status means."""
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - the caller's own address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise CommandFailed(_told(error), EXIT_OF_STATUS.get(error.code, 1)) from error
    except OSError as error:
        raise CommandFailed(f"{url} does not answer ({error}). Is `automate up` running?") from error


def _told(error: urllib.error.HTTPError) -> str:
    try:
        body = json.load(error)
        return f"{body['message']} [{body['code']}] trace_id {body['trace_id']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answered {error.code}"
