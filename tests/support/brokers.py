"""Real message brokers of the tests' own, each on a free port of this machine; they can be killed and come back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

RABBITMQ = ("rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's wrapper insists on a system user
DATA = ("redis-server", "valkey-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Broker:
    """One broker: how it is started, and where it answers."""

    url: str
    port: int
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    at_the_end: Callable[[], None] = lambda: None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL it with all it has started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.kill()
        self.at_the_end()


def redis(folder: Path) -> Broker:
    port = free_port()
    command = (_found("redis-server", "valkey-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "")
    return Broker(f"redis://127.0.0.1:{port}/0", port, (*command, "--dir", str(folder)))


def rabbitmq(folder: Path) -> Broker:
    port, names = free_port(), free_port()
    home = Path(tempfile.mkdtemp(prefix="rabbit", dir=folder))
    environment = {
        "HOME": str(home),  # of the Erlang cookie
        "RABBITMQ_NODENAME": f"tests{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_CONFIG_FILE": str(home / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }

    # Erlang's name server outlives the last node where a node starts it: it is started, and ended, here.
    name_server = subprocess.Popen(
        [_found("epmd"), "-port", str(names), "-address", "127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def end_names() -> None:
        name_server.kill()
        name_server.wait()

    return Broker(
        f"amqp://guest:guest@127.0.0.1:{port}//", port, (_found(*reversed(RABBITMQ)),), environment, end_names
    )


def is_here(kind: str) -> bool:
    return any(shutil.which(name) for name in {"redis": DATA, "rabbitmq": RABBITMQ}[kind])


def _found(*names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found is not None, f"none of {names} is on this machine"
    return found
