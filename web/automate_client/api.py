"""One HTTP client for the public API: it says who asks, asks again where that is safe, and names what went wrong.

Every POST has an `Idempotency-Key` of its own, so one that got no answer can be sent again: nothing is done twice.
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx

from automate_client import profiles
from automate_client.failures import EXIT_OF_STATUS, FAILED, NOT_ALLOWED, CommandFailed, Finished
from automate_client.talk import say, show

TIMEOUT_SECONDS = 30.0
TRIES = 4
LONGEST_WAIT_SECONDS = 60.0
_AGAIN = {429, 502, 503, 504}


class Refused(CommandFailed):
    """The API's own error. `status` is HTTP's, `body` is `{code, message, details, trace_id}`."""

    def __init__(self, status: int, body: Mapping[str, Any]):
        self.status, self.code, self.details = status, str(body.get("code", "")), body.get("details") or {}
        lines = [f"{body.get('message', f'The server answered {status}.')} [{self.code or status}]"]
        lines += [f"  {each.get('path') or '/'}: {each.get('message')}" for each in _errors(self.details)]
        if body.get("trace_id"):
            lines.append(f"  trace_id {body['trace_id']}")
        super().__init__("\n".join(lines), EXIT_OF_STATUS.get(status, FAILED))


class Api:
    """The API as one profile's key sees it."""

    def __init__(self, options: argparse.Namespace, profile: profiles.Profile | None = None):
        self.options = options
        self.profile = profile or profiles.chosen(options)
        self.client = httpx.Client(
            headers={"Authorization": f"Bearer {self.profile.key}", "User-Agent": f"automate/{_version()}"},
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,  # the key goes to no other host
        )
        self._checked = not options.workspace

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON. Query parameters that are None are left out. Raises Refused, CommandFailed."""
        return self.answer("GET", path, query=query).json()

    def pages(self, path: str) -> Iterator[Any]:
        """Every row of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=200, cursor=cursor)
            yield from page["results"]
            if not page["next"]:
                return
            cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]

    def change(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        is_secret: bool = False,
    ) -> Any:
        """Do it, or with `--dry-run` say what would be done and raise Finished. `is_secret`: the body is not shown."""
        if self.options.dry_run:
            say(self.options, "Nothing is done. This would be sent:")
            shown = {"method": method, "path": path, "body": "********" if is_secret else body}
            show(self.options, shown)
            raise Finished
        return self.send(method, path, body, headers=headers)

    def send(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON, dry run or not."""
        return self.answer(method, path, body=body, headers=headers).json()

    def answer(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The successful answer, after as many tries as are safe."""
        self._check_workspace()
        sent = dict(headers or {})
        content = None
        if method == "POST":
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        if body is not None or method == "POST":
            content = json.dumps({} if body is None else body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        url = f"{self.profile.url}{path}"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        for attempt in range(1, TRIES + 1):
            try:
                answer = self.client.request(method, url, params=given, content=content, headers=sent)
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise CommandFailed(
                        f"{self.profile.url} does not answer ({type(error).__name__}: {error}). See: automate doctor"
                    ) from error
                time.sleep(2.0 ** (attempt - 2))
                continue
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise CommandFailed(f"{self.profile.url} is no address: {error}") from error
            wait = _wait_seconds(answer, attempt)
            if answer.status_code not in _AGAIN or attempt == TRIES or wait > LONGEST_WAIT_SECONDS:
                return self._judged(answer)
            say(self.options, f"The server answered {answer.status_code}; asking again in {wait:g} s.")
            time.sleep(wait)
        raise AssertionError("the last try answers or raises")

    def _judged(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code < 300 or answer.status_code == 304:
            return answer
        try:
            body = answer.json()
        except ValueError:
            body = {}
        if not isinstance(body, dict) or "code" not in body:
            raise CommandFailed(
                f"{self.profile.url} answered {answer.status_code}, not as this API does. Is the address right?",
                EXIT_OF_STATUS.get(answer.status_code, FAILED),
            )
        raise Refused(answer.status_code, body)

    def _check_workspace(self) -> None:
        """`--workspace` is a promise: a key of another one does nothing."""
        if self._checked:
            return
        self._checked = True
        told = self.get("/key")["workspace"]["slug"]
        if told != self.options.workspace:
            raise CommandFailed(
                f"Profile {self.profile.name!r} is for the workspace {told!r}, not {self.options.workspace!r}."
                " Log in there: automate login --profile NAME",
                NOT_ALLOWED,
            )


def _wait_seconds(answer: httpx.Response, attempt: int) -> float:
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else 2.0 ** (attempt - 2)


def _errors(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = details.get("errors") or details.get("problems") or []
    return [each for each in listed if isinstance(each, dict)][:20]


def _version() -> str:
    try:
        return version("automate-platform")
    except PackageNotFoundError:
        return "0"
