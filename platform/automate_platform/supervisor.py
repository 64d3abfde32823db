"""Keep the product's processes running, and stop exactly those.

Each child leads its own session, so Ctrl-C in a terminal reaches `up` alone, and a stop takes a child with all it has
started. A child that dies is started again; one that ends by itself QUICK_DEATHS times in a row within QUICK_SECONDS
ends it all.
Should `up` itself be killed, each child notices (`die_with_parent`) and stops as if told to.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

QUICK_SECONDS = 10.0  # a life shorter than this is a quick death
QUICK_DEATHS = 3
WATCH_SECONDS = 0.25  # how soon a death is seen
STOP_SECONDS = 35.0  # the worker drains for up to 30 s
PARENT_VARIABLE = "DJANGO_AUTOMATE_PARENT"  # process id of `automate up`, told to its children
PR_SET_PDEATHSIG = 1


class ChildFailed(Exception):
    """A process could not be kept running; the message carries the end of its log."""


@dataclass
class Child:
    """One process of the product: its command, and the life it is in."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_file: Path
    stops_first: bool = False  # the one in front: nothing new comes in while the others finish
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started_at: float = 0.0  # monotonic
    quick_deaths: int = 0

    def start(self) -> None:
        environment = {**os.environ, **self.environment, PARENT_VARIABLE: str(os.getpid())}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        self.started_at = time.monotonic()

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """To the child and all it has started. A group that is gone already is fine."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def log_tail(self) -> str:
        return self.log_file.read_text(errors="replace")[-3000:]


class Supervisor:
    """The children of one `up`. `say` gets one line for what a person should know."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.children: list[Child] = []
        self.guards: list[Callable[[], None]] = []  # more to look after in each round
        self.stopping = threading.Event()

    def start(self, child: Child) -> None:
        self.children.append(child)
        child.start()

    def check(self) -> None:
        """Start again whatever has died. Raises ChildFailed when one keeps dying."""
        for guard in self.guards:
            guard()
        for child in self.children:
            if not child.has_ended() or child.process is None:
                continue
            lived_seconds = time.monotonic() - child.started_at
            code = child.process.returncode
            if code < 0:  # a signal ended it (kill -9, out of memory): no fault of its set-up, no reason to give up
                child.quick_deaths = 0
            else:
                child.quick_deaths = child.quick_deaths + 1 if lived_seconds < QUICK_SECONDS else 1
            if child.quick_deaths >= QUICK_DEATHS:
                raise ChildFailed(
                    f"{child.name} ended {QUICK_DEATHS} times in a row (code {code}). "
                    f"The end of {child.log_file}:\n{child.log_tail()}"
                )
            child.signal(signal.SIGKILL)  # what it may have left behind
            self.say(f"{child.name} ended with code {code}; starting it again")
            child.start()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Watch the children until `ready()`. Raises ChildFailed after `seconds`, KeyboardInterrupt on a stop."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                logs = ", ".join(str(child.log_file) for child in self.children)
                raise ChildFailed(f"{what} did not answer within {seconds:.0f} s. See {logs}")
            if self.stopping.wait(0.05):
                raise KeyboardInterrupt

    def watch(self) -> None:
        """Until a stop is asked for. Raises ChildFailed."""
        while not self.stopping.wait(WATCH_SECONDS):
            self.check()

    def stop(self) -> None:
        """Those in front first, then the rest together. Returns when all are gone."""
        for in_front in (True, False):
            leaving = [child for child in self.children if child.stops_first is in_front]
            for child in leaving:
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            for child in leaving:
                self._await_end(child, deadline)

    def _await_end(self, child: Child, deadline: float) -> None:
        if child.process is None:
            return
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.say(f"{child.name} did not stop in {STOP_SECONDS:.0f} s; killing it")
        child.signal(signal.SIGKILL)
        child.process.wait()

    @contextlib.contextmanager
    def stopped_by_signals(self, numbers: Iterable[signal.Signals]) -> Iterator[None]:
        """Ctrl-C and a polite kill set `stopping`; nothing is interrupted half-way."""
        before = {number: signal.signal(number, lambda *_: self.stopping.set()) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def die_with_parent() -> None:
    """Called first in each child of `up`: have the kernel send SIGTERM should `up` be gone. Linux; elsewhere no-op."""
    parent = os.environ.get(PARENT_VARIABLE)
    if not parent or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # gone before we asked
        os.kill(os.getpid(), signal.SIGTERM)
