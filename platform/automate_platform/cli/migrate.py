"""`automate migrate`: public tables, SQL functions and rights, the tenants' template, then each tenant; as the owner.

May be stopped and run again at any point: what is done is skipped, a tenant that failed is named and paused.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict

from django.core.management import call_command

from automate_platform.cli import _django, data, say


def run(options: argparse.Namespace) -> int:
    if options.check_models:
        return _check_models()
    _django.setup(as_owner=True)
    from automate_tenants import installation

    report = installation.migrate(tell=say)
    data.show(asdict(report), as_json=options.json)
    return 0 if report.is_clean else 1


def _check_models() -> int:
    """1 when the models say something that no migration does. Needs no database and no installation."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "automate_platform.typing_settings"
    _django.setup()
    try:
        call_command("makemigrations", "--check", "--dry-run", "--skip-checks", verbosity=1)
    except SystemExit as error:
        return int(error.code or 0)
    return 0
