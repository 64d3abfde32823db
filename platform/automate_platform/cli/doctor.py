"""`automate doctor`: what works from here over the API, and which promises an installation here does not keep.

Ends with 1 when something is broken. What has an installation is a folder with its database or keys, or an address of
PostgreSQL; elsewhere only the client is looked at.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from automate_client import doctor as client
from automate_client.talk import show
from automate_platform import environment as env
from automate_platform.cli import _django


def run(options: argparse.Namespace) -> int:
    findings = list(client.examine(options))
    if _has_installation():
        _django.setup()
        from automate_platform.doctor import examine

        findings += [asdict(finding) for finding in examine()]
    show(options, findings, (f"{one['state']:4}  {one['subject']:12} {one['words']}" for one in findings))
    return 1 if any(one["state"] == "bad" for one in findings) else 0


def _has_installation() -> bool:
    return env.home().is_dir() or bool(env.text("DATABASE_URL"))
