"""`manage.py automate_worker`: claim and run until told to stop."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from automate import configuration, host, metrics
from automate.worker import eventloop, garbage, logs, status
from automate.worker.loop import Worker, configured_options


class Command(BaseCommand):
    help = "Claim events and runs from the outbox and work on them. SIGTERM or Ctrl-C drains and stops."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="work on what is due now, then stop")
        parser.add_argument(
            "--listen", type=_address, metavar="HOST:PORT", help="answer /healthz, /readyz and /metrics"
        )
        parser.add_argument("--ready-file", type=Path, help="made when the worker has begun to look for work")

    def handle(self, *args: Any, **options: Any) -> None:
        def ready() -> None:
            garbage.settle()
            self.stdout.write("worker ready")
            if options["ready_file"]:
                options["ready_file"].touch()

        logs.configure()
        worker = Worker(
            host.current().outbox(),
            configured_options(),
            on_ready=ready,
        )
        with ExitStack() as stack:
            if options["listen"]:
                stack.enter_context(self._serve_status(worker, options["listen"]))
            elif configuration.are_metrics_exported() and not options["once"]:
                self._serve_metrics()
            eventloop.run(_run(worker, once=options["once"]))

    def _serve_status(self, worker: Worker, listen: tuple[str, int]) -> AbstractContextManager[int]:
        """Whether it lives and works, and its metrics where they are exported, at one address."""
        try:
            return status.serving(worker.pulse, listen)
        except OSError as error:
            raise CommandError(f"Cannot listen on {listen[0]}:{listen[1]}: {error.strerror}.") from error

    def _serve_metrics(self) -> None:
        """In a thread of its own. Several workers on one machine need several ports: 0 takes a free one."""
        told = configuration.metrics()
        try:
            server, _ = start_http_server(told.port, told.address, metrics.registry)
        except OSError as error:
            raise CommandError(
                f"No metrics at {told.address}:{told.port}: {error.strerror}. Set METRICS.port to a free port, or to 0."
            ) from error
        self.stdout.write(f"metrics at http://{told.address}:{server.server_port}/metrics")


def _address(given: str) -> tuple[str, int]:
    """Raises ValueError."""
    host_name, _, port = given.rpartition(":")
    return host_name.strip("[]"), int(port)


async def _run(worker: Worker, *, once: bool) -> None:
    if once:
        await worker.run_until_idle()
        worker.close()
        return
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, worker.stop)
    await worker.run()
