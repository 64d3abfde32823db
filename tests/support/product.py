"""The whole product, running: `automate up` on a free port and a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import server

START_SECONDS = 90.0


@dataclass(frozen=True)
class Product:
    """One running copy. `ready` is what it wrote to ready.json."""

    process: subprocess.Popen[bytes]
    home: Path
    database_urls: server.DatabaseUrls
    ready: dict[str, str]

    @property
    def base_url(self) -> str:
        """Such as http://127.0.0.1:41234, without a slash at the end."""
        return self.ready["api_url"].partition("/api/")[0]

    def as_owner(self) -> psycopg.Connection[Any]:
        """A new autocommit connection to its database, as the role that owns the tables."""
        return psycopg.connect(self.database_urls.owner, autocommit=True)

    def run_beside(self, source: str, *arguments: str) -> str:
        """What a Python program prints that runs with the product's settings, in a process of its own."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
        told = {"DJANGO_AUTOMATE_HOME": str(self.home), "DATABASE_URL": self.database_urls.app}
        command = [sys.executable, "-c", source, *arguments]
        return subprocess.run(command, env={**inherited, **told}, check=True, capture_output=True, text=True).stdout

    def log(self, name: str) -> str:
        return (self.home / "log" / f"{name}.log").read_text(errors="replace")


def start(name: str, **environment: str) -> Product:
    """Start a copy whose home and database are called `name`. Stop it with `stop`."""
    database = f"{server.DATABASE}_{name}"
    template = server.ensure_template()
    with server.admin() as connection:
        server.copy(connection, template, database)
    urls = server.urls(database)
    home = server.run_folder() / server.WORKER / name
    home.mkdir(parents=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    told = {
        "DJANGO_AUTOMATE_HOME": str(home),
        **server.STATIC_FILES,
        "DATABASE_URL": urls.app,
        "DJANGO_AUTOMATE_OWNER_DATABASE_URL": urls.owner,
        **environment,
    }
    output = (home / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "automate_platform", "up", "--port", "0"],
        env={**inherited, **told}, stdout=output, stderr=output, start_new_session=True,
    )  # fmt: skip
    output.close()
    pause, deadline = threading.Event(), time.monotonic() + START_SECONDS
    while not (home / "ready.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise AssertionError(f"automate up did not become ready:\n{(home / 'up.log').read_text()}")
        pause.wait(0.05)
    return Product(process, home, urls, json.loads((home / "ready.json").read_text()))


def stop(product: Product) -> int:
    """Ask it to stop as a terminal would; its exit code."""
    product.process.send_signal(signal.SIGINT)
    try:
        return product.process.wait(60)
    except subprocess.TimeoutExpired:
        product.process.kill()
        raise


@pytest.fixture(scope="session")
def running_platform(django_db_setup: None) -> Iterator[Product]:
    """The product with its demo workspace, shared by every test of this process that asks for it."""
    product = start("platform")
    yield product
    stop(product)
