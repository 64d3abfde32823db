"""`automate doctor`: what works from here to the API, and what to do about the rest."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from automate_client import profiles
from automate_client.api import Api
from automate_client.failures import CommandFailed
from automate_client.talk import painted, show

CLOCK_SECONDS = 30


def run(options: argparse.Namespace) -> int:
    findings = list(examine(options))
    show(options, findings, (f"{painted(one['state']):4}  {one['subject']:12} {one['words']}" for one in findings))
    return 1 if any(one["state"] == "bad" for one in findings) else 0


def examine(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Findings of `{subject, state, words}`; `state` is ok, warn or bad. Stops where nothing further can be seen."""
    try:
        profile = profiles.chosen(options)
    except CommandFailed as error:
        yield _found("login", "warn", str(error))
        return
    yield _found("login", "ok", f"profile {profile.name!r}, {profile.url}")
    api = Api(options, profile)
    try:
        answer = api.answer("GET", "/key")
    except CommandFailed as error:
        yield _found("api", "bad", str(error).replace("\n", "; "))
        return
    key = answer.json()
    yield _found("api", "ok", f"answers for the workspace {key['workspace']['slug']}")
    yield _key(key)
    yield _clock(answer.headers.get("Date"))
    yield _stream(api, key["scopes"])


def _key(key: dict[str, Any]) -> dict[str, str]:
    words = f"{key['name']!r} may {', '.join(key['scopes'])}"
    if key["expires_at"]:
        return _found("key", "warn", f"{words}; rolled, it ends at {key['expires_at']}. Log in with the new one.")
    return _found("key", "ok", words)


def _clock(date: str | None) -> dict[str, str]:
    """Signatures carry times: a clock that is off makes them old."""
    if not date:
        return _found("clock", "warn", "the server does not say its time")
    off = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    if off > CLOCK_SECONDS:
        return _found("clock", "bad", f"{off:.0f} s away from the server's. Signed webhooks from here may be refused.")
    return _found("clock", "ok", f"within {CLOCK_SECONDS} s of the server's")


def _stream(api: Api, scopes: list[str]) -> dict[str, str]:
    """Whether `listen` and `tail` hear at once, or look every few seconds."""
    import httpx2 as httpx

    if "events:read" not in scopes:
        return _found("live", "warn", "the key lacks events:read: `listen` and `events tail` need it")
    url = api.send("POST", "/events/stream-tokens")["url"]
    try:
        with httpx.stream("GET", url, timeout=10.0) as answer:
            for line in answer.iter_lines():
                if line == "event: ready":
                    return _found("live", "ok", "changes are told at once")
        words = f"the stream answered {answer.status_code}"
    except httpx.TransportError as error:
        words = f"the stream does not answer ({type(error).__name__})"
    return _found("live", "warn", f"{words}: `listen` and `events tail` look every 3 s instead")


def _found(subject: str, state: str, words: str) -> dict[str, str]:
    return {"subject": subject, "state": state, "words": words}
