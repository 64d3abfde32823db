"""`manage.py automate_worker`: claim and run until told to stop."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from automate import host
from automate.worker import eventloop
from automate.worker.loop import Worker, options_from


class Command(BaseCommand):
    help = "Claim events and runs from the outbox and work on them. SIGTERM or Ctrl-C drains and stops."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="work on what is due now, then stop")
        parser.add_argument("--ready-file", type=Path, help="made when the worker has begun to look for work")

    def handle(self, *args: Any, **options: Any) -> None:
        def ready() -> None:
            self.stdout.write("worker ready")
            if options["ready_file"]:
                options["ready_file"].touch()

        worker = Worker(
            host.current().outbox(),
            options_from(getattr(settings, "DJANGO_AUTOMATE", {})),
            on_ready=ready,
        )
        eventloop.run(_run(worker, once=options["once"]))


async def _run(worker: Worker, *, once: bool) -> None:
    if once:
        await worker.run_until_idle()
        worker.close()
        return
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, worker.stop)
    await worker.run()
