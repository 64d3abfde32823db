"""`automate ringer`: beside a message broker, the process that hears what is due and calls workers; SIGTERM stops it.

With `DJANGO_AUTOMATE_RINGER_LISTEN` it answers /healthz, /readyz and /metrics there. Several may run: one calls.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import ExitStack

from automate_platform import environment as env
from automate_platform.cli import CommandFailed, _broker, _django
from automate_platform.supervisor import die_with_parent


def run(options: argparse.Namespace) -> int:
    die_with_parent()
    broker = _broker.url()
    if not broker:
        raise CommandFailed("CELERY_BROKER_URL is not set: without a broker, `automate worker` hears the bell itself.")
    _django.setup()
    from automate import host
    from automate.worker import eventloop, logs, status
    from automate.worker.ringer import Ringer
    from automate_platform.fleet import app, calls

    logs.configure()
    leads = calls.Leadership()
    ringer = Ringer(host.current().outbox(), calls.Caller(app.make(broker)), leads=leads)

    async def until_told() -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, ringer.stop)
        await ringer.run()

    with ExitStack() as stack:
        stack.callback(leads.close)
        if listen := env.address("DJANGO_AUTOMATE_RINGER_LISTEN"):
            stack.enter_context(status.serving(ringer.pulse, listen))
        eventloop.run(until_told())
    return 0
