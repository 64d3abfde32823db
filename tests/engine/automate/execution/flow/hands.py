"""How many calls of the scripted connector are going on at once, each until it is let go."""

from __future__ import annotations

import threading
from typing import Any


class Counted:
    """Takes the connector over: `now` going on, `most` ever."""

    def __init__(self, scripted: Any):
        self.now = self.most = 0
        self._lock = threading.Lock()
        self._gate = threading.Semaphore(0)
        scripted.script = staticmethod(self._call)

    def let_one_go(self) -> None:
        self._gate.release()

    def open(self) -> None:
        """Let all go that come."""
        self._gate.release(1000)

    def _call(self, params: dict[str, Any], context: dict[str, Any]) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self._gate.acquire(timeout=20)
        with self._lock:
            self.now -= 1
        return params
