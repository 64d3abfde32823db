"""`automate migrate`: public tables, SQL functions and rights, the tenants' template, then each tenant; as the owner.

May be stopped and run again at any point: what is done is skipped, a tenant that failed is named and paused.
`--wait` changes nothing: it ends when another process has done all that, which new processes wait for at a release.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict

from django.core.management import call_command

from automate_platform.cli import _django, data, say

WAIT_SECONDS = 1.0


def run(options: argparse.Namespace) -> int:
    if options.check_models:
        return _check_models()
    if options.wait:
        return _wait()
    _django.setup(as_owner=True)
    from automate_billing import subscriptions
    from automate_tenants import installation

    report = installation.migrate(threads=max(options.threads, 1), tell=say)
    subscriptions.apply_all(except_for=set(report.failed))
    data.show(asdict(report), as_json=options.json)
    return 0 if report.is_clean else 1


def _wait() -> int:
    """0 once the database is at this code's version. A database that is not there yet, or empty, is waited for."""
    _django.setup()
    from django.db import Error, connection

    from automate_tenants.migrations_runner import is_finished

    told = ""
    while True:
        try:
            if is_finished():
                return 0
            waits_for = "automate migrate"
        except Error as error:
            waits_for = f"the database ({str(error).strip().splitlines()[0]})"
            connection.close()
        if waits_for != told:
            say(f"Waiting for {waits_for}")
            told = waits_for
        time.sleep(WAIT_SECONDS)


def _check_models() -> int:
    """1 when the models say something that no migration does. Needs no database and no installation."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "automate_platform.typing_settings"
    _django.setup()
    try:
        call_command("makemigrations", "--check", "--dry-run", "--skip-checks", verbosity=1)
    except SystemExit as error:
        return int(error.code or 0)
    return 0
