"""The plain project with the worker mode that MODE names."""

import os

from tests.engine.plain.settings import *  # noqa: F403 - the same project but for what follows
from tests.engine.plain.settings import DJANGO_AUTOMATE as PLAIN

INSTALLED_APPS = ["automate", "tests.engine.plain.where"]
DJANGO_AUTOMATE = {**PLAIN, "WORKER_MODE": os.environ["MODE"]}
