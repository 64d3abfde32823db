"""`python -m tests.chaos.armed <command> …` is `automate <command> …`, a process that can be ended at a named point.

The product knows nothing of it: as each module is imported, the functions of `points.POINTS` in it are wrapped. Which
point is armed stands in a file that is looked at on each pass; whoever takes the file away has reached the point, says
so in another one, and then does what was asked: ends by SIGKILL, stops by SIGSTOP, or waits until it may go on.

It speaks to its database through a port (CHAOS_PROXY_PORT). All its clocks are wrong by the hours in `clock-<command>`,
if there is such a file. With CHAOS_LIVES a worker imports everything once and is then forked: one that is killed is
followed by the next at once, not seconds later.
"""

from __future__ import annotations

import datetime as real
import functools
import importlib
import importlib.abc
import importlib.machinery
import inspect
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.points import POINTS, Point

FOLDER = Path(os.environ["CHAOS_FOLDER"])  # where the harness and its processes leave each other word
ARMED, REACHED, GO = FOLDER / "armed", FOLDER / "reached", FOLDER / "go"
_pause = threading.Event()


def pass_(name: str) -> None:
    """The point of that name is passed. Does what was asked, once, if it is the one that is armed."""
    try:
        asked = json.loads(ARMED.read_text())
        if asked["point"] != name:
            return
        ARMED.rename(FOLDER / f"taken-{os.getpid()}")  # by one thread of one process
    except FileNotFoundError:
        return
    told = FOLDER / f"told-{os.getpid()}"
    told.write_text(json.dumps({"point": name, "pid": os.getpid()}))
    told.rename(REACHED)
    if asked["action"] == "pause":
        while not GO.exists():
            _pause.wait(0.005)
    else:
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[asked["action"]])


def wrapped(function: Callable[..., Any], points: dict[str, Point]) -> Callable[..., Any]:
    """The function between its points."""
    before = [name for name, point in points.items() if point.side == "before"]
    after = [(name, point.when) for name, point in points.items() if point.side == "after"]

    def enter() -> None:
        for name in before:
            pass_(name)

    def leave(result: Any) -> Any:
        for name, when in after:
            if when is None or when(result):
                pass_(name)
        return result

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def around(*arguments: Any, **keywords: Any) -> Any:
            enter()
            return leave(await function(*arguments, **keywords))

        return around

    @functools.wraps(function)
    def about(*arguments: Any, **keywords: Any) -> Any:
        enter()
        return leave(function(*arguments, **keywords))

    return about


def arm(module: ModuleType) -> None:
    """Wrap the functions of this module that have points. Raises AttributeError where one is missing."""
    for target in {point.function for point in POINTS.values() if point.module == module.__name__}:
        points = {name: point for name, point in POINTS.items() if point.function == target}
        *owners, last = next(iter(points.values())).path
        owner = functools.reduce(getattr, owners, module)
        setattr(owner, last, wrapped(getattr(owner, last), points))


class Armoury(importlib.abc.MetaPathFinder):
    """Finds modules as ever, and arms each as soon as it has been executed: before others take names out of it."""

    modules = {point.module for point in POINTS.values()} | {"automate_platform.cli.up"}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.modules:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError(name)
        execute = spec.loader.exec_module

        def execute_and_arm(module: ModuleType) -> None:
            execute(module)
            arm(module)
            if name == "automate_platform.cli.up":
                arm_children(module)

        spec.loader.exec_module = execute_and_arm  # type: ignore[method-assign]
        return spec


def arm_children(up: Any) -> None:
    """The processes that `automate up` starts are such ones, too."""
    child = up.child

    def armed_child(*arguments: Any, **keywords: Any) -> Any:
        made = child(*arguments, **keywords)
        made.command = tuple("tests.chaos.armed" if part == "automate_platform" else part for part in made.command)
        return made

    up.child = armed_child


def hours_wrong(command: str) -> float:
    file = FOLDER / f"clock-{command}"
    return float(file.read_text()) if file.exists() else 0.0


def make_clocks_wrong(command: str) -> None:
    """`time.time`, `time.time_ns` and what `datetime` takes from them, of all that is imported from now on."""
    time_, time_ns, true = time.time, time.time_ns, real.datetime

    @functools.lru_cache(maxsize=1)
    def hours(pid: int) -> float:  # a life sees what holds when it begins
        return hours_wrong(command)

    def delta() -> real.timedelta:
        return real.timedelta(hours=hours(os.getpid()))

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, true)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, true)

    class datetime(true, metaclass=Kind):
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> Any:
            return true.now(tz) + delta()

        @classmethod
        def utcnow(cls) -> Any:
            return true.now(real.UTC).replace(tzinfo=None) + delta()

    datetime.__module__, datetime.__qualname__ = true.__module__, true.__qualname__
    time.time = lambda: time_() + delta().total_seconds()
    time.time_ns = lambda: time_ns() + int(delta().total_seconds()) * 10**9
    real.datetime = datetime  # type: ignore[misc]


def live() -> None:
    """Import what a worker imports, then return in one life after the other: the next when one is killed."""
    from automate_platform.cli import _django
    from automate_platform.supervisor import PARENT_VARIABLE, die_with_parent

    die_with_parent()
    _django.setup()
    for name in ("automate.management.commands.automate_worker", "automate_tenants.chores"):
        importlib.import_module(name)
    importlib.import_module("automate_connectors.registry").all()
    while True:
        life = os.fork()
        if not life:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.environ[PARENT_VARIABLE] = str(os.getppid())
            return
        signal.signal(signal.SIGTERM, lambda *_, life=life: os.kill(life, signal.SIGTERM))
        new = FOLDER / f"new-life-{os.getpid()}"
        new.write_text(str(life))
        new.rename(FOLDER / f"life-{os.getpid()}")
        _, status = os.waitpid(life, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            os._exit(os.waitstatus_to_exitcode(status) % 256)


def through_proxy(port: str) -> None:
    """The application's own database URL, by way of that port."""
    from automate_platform import environment as env
    from automate_platform.home import Home

    given = urlsplit(env.secret("DATABASE_URL", Home(env.home()).secrets / "database-url"))
    os.environ["DATABASE_URL"] = f"postgresql://{given.username}:{given.password}@127.0.0.1:{port}{given.path}"


def main() -> int:
    command = sys.argv[1]
    make_clocks_wrong(command)
    sys.meta_path.insert(0, Armoury())
    if command in {"gateway", "web", "worker"}:
        through_proxy(os.environ["CHAOS_PROXY_PORT"])
    if command == "worker" and os.environ.get("CHAOS_LIVES"):
        live()
    from automate_platform.cli import main as automate

    return automate()


if __name__ == "__main__":
    sys.exit(main())
