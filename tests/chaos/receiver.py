"""The receiver of both workflows' calls, which keeps a log: the truth about what happened outside."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from tests.support.sink import Answer, Received, Sink


@dataclass(frozen=True)
class Call:
    """`at` in seconds since 1970, by this machine's clock."""

    key: str
    at: float


class Receiver:
    """`calls[path][n]`: every call about number `n`, oldest first. `is_slow` and `refuses` may be set at any time."""

    def __init__(self) -> None:
        self.sink = Sink()
        self.sink.answer = self._answer
        self.calls: dict[str, dict[int, list[Call]]] = {"tell": defaultdict(list), "pay": defaultdict(list)}
        self.is_slow = False  # slower than a third of the lease: then it is renewed
        self.refuses = 0  # so many first calls with 503, so that they are made again later
        self._lock = threading.Lock()

    def count(self) -> int:
        return len(self.calls["tell"])

    def close(self) -> None:
        self.sink.close()

    def _answer(self, request: Received) -> Answer:
        path, number = request.path.strip("/"), json.loads(request.body)["n"]
        with self._lock:
            calls = self.calls[path][number]
            calls.append(Call(request.headers.get("idempotency-key", ""), time.time()))
            is_refused = self.refuses > 0 and path == "tell" and len(calls) == 1
            self.refuses -= is_refused
        if self.is_slow:
            threading.Event().wait(0.6)
        return Answer(status=503) if is_refused else Answer()
