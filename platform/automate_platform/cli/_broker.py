"""The message broker, for the commands that run beside one."""

from __future__ import annotations

from automate_platform import environment as env
from automate_platform.cli import CommandFailed


def url() -> str:
    """CELERY_BROKER_URL, empty without a broker. Raises CommandFailed, which holds no password, for no such address."""
    try:
        return env.broker_url("CELERY_BROKER_URL")
    except RuntimeError as error:
        raise CommandFailed(str(error)) from error
