"""`automate worker`: the engine's worker loop over every tenant's outbox, and chores; SIGTERM drains it.

With `CELERY_BROKER_URL` it is a Celery worker, which does the same when `automate ringer` calls it.

With `DJANGO_AUTOMATE_WORKER_LISTEN` it answers /healthz, /readyz and /metrics there.
"""

from __future__ import annotations

import argparse
import threading

from django.core.management import call_command

from automate_platform import environment as env
from automate_platform import installation
from automate_platform.cli import _broker, _django
from automate_platform.home import Home
from automate_platform.supervisor import die_with_parent


def run(options: argparse.Namespace) -> int:
    die_with_parent()
    broker = _broker.url()
    _django.setup()
    mark = installation.worker_mark(Home(env.home()))
    listen = env.address("DJANGO_AUTOMATE_WORKER_LISTEN")
    if broker and not options.once:
        from automate_platform.fleet import app, worker

        return worker.serve(app.make(broker), on_ready=mark.touch, listen=listen)
    from automate_tenants import chores

    stop = threading.Event()
    if not options.once:
        chores.start(stop)
    try:
        call_command("automate_worker", once=options.once, ready_file=mark, listen=listen)
    finally:
        stop.set()
    return 0
