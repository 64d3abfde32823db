"""`automate gateway`: the process that owns the port. Answers webhooks and live streams itself; no Django in it."""

from __future__ import annotations

import argparse
import logging.config

from automate_governance.redaction.current import masking
from automate_platform import environment as env
from automate_platform.gateway import configuration, log_settings, secret_values
from automate_platform.supervisor import die_with_parent
from automate_web.gateway.app import create_app
from automate_web.gateway.server import serve


def run(options: argparse.Namespace) -> int:
    die_with_parent()
    logging.config.dictConfig(log_settings())
    config = configuration()
    with masking(secret_values(config)):  # of every task that begins here
        serve(
            create_app(config),
            host=options.host or env.text("DJANGO_AUTOMATE_LISTEN", "127.0.0.1"),
            port=env.port() if options.port is None else options.port,
        )
    return 0
