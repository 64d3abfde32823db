"""Django, set up only by the commands that need it."""

from __future__ import annotations

import os

import django

from automate_platform import environment as env
from automate_platform.cli import CommandFailed
from automate_platform.cli.running import ready
from automate_platform.home import Home


def setup(*, as_owner: bool = False) -> None:
    """Raises CommandFailed when there is no installation to work on yet."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automate_platform.settings")
    if as_owner:
        os.environ["DJANGO_AUTOMATE_AS_OWNER"] = "1"
    if not env.text("DJANGO_AUTOMATE_BASE_URL") and (running := ready(Home(env.home()))):
        os.environ["DJANGO_AUTOMATE_BASE_URL"] = running["api_url"].partition("/api/")[0]
    try:
        django.setup()
    except RuntimeError as error:
        raise CommandFailed(str(error)) from error
