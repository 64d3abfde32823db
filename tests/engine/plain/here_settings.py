"""The plain project for the engine's own tests of the database: every app, set as one that strangers share."""

import os
import tempfile
from pathlib import Path

import django

from tests.engine.alone_settings import *  # noqa: F403
from tests.engine.alone_settings import DATABASES, DJANGO_AUTOMATE

TIME_ZONE = "UTC"  # days begin at its midnight, and Django's own default is Chicago
DJANGO_AUTOMATE["SECRETS"] = {"backend": "db"}
_default = DATABASES["default"]
if _default["ENGINE"].endswith("sqlite3"):  # a file: the threads of a worker have connections of their own
    _default["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"here-{os.getpid()}.sqlite3")}
    _default["OPTIONS"] = {"timeout": 20}
    if django.VERSION >= (5, 1):
        _default["OPTIONS"]["transaction_mode"] = "IMMEDIATE"  # two writers wait for each other
