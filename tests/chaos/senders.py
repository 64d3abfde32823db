"""Senders as they should be: each number is sent with its own idempotency key until it is answered 202."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

SENDERS = 3
PAUSE_SECONDS = 0.02  # of each between two events
AGAIN_SECONDS = 0.05  # between two tries
TRIES = 2_000
AHEAD = 60  # accepted and not yet sent on, at most


class Senders:
    """`accepted`: number → event id, of every 202 ever. `asked` counts requests, `refused` those not answered 202."""

    def __init__(self, url: str, api_key: str, *, told: set[int]) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._numbers = itertools.count(1)
        self._told = told
        self._lock = threading.Lock()
        self.accepted: dict[int, str] = {}
        self.answered_otherwise: list[str] = []  # another event id for a number that had one
        self.asked = self.refused = 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        """In the block events come; at its end every one that was begun is answered."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._send_all, args=(stop,)) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def send(self) -> int:
        """One event, repeated until it is accepted; its number."""
        number = next(self._numbers)
        for _ in range(TRIES):
            if (event_id := self._post(number)) is not None:
                with self._lock:
                    if self.accepted.setdefault(number, event_id) != event_id:
                        self.answered_otherwise.append(f"{number}: {self.accepted[number]}, then {event_id}")
                return number
            threading.Event().wait(AGAIN_SECONDS)
        raise AssertionError(f"event {number} was refused {TRIES} times")

    def _send_all(self, stop: threading.Event) -> None:
        while not stop.wait(PAUSE_SECONDS):
            if len(self.accepted) - len(self._told) < AHEAD:
                self.send()

    def _post(self, number: int) -> str | None:
        connection = http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=30)
        headers = {**self._headers, "Idempotency-Key": f"event-{number}"}
        with self._lock:
            self.asked += 1
        try:
            connection.request("POST", self._url.path, json.dumps({"n": number}), headers)
            response = connection.getresponse()
            body = response.read()
            if response.status == 202:
                return str(json.loads(body)["event_id"])
        except (OSError, http.client.HTTPException):
            pass  # refused, reset or never answered: it may be stored or not, so it is sent again
        finally:
            connection.close()
        with self._lock:
            self.refused += 1
        return None
