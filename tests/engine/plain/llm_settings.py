"""The plain project with one private address that workflows may call (MODEL_TARGET).

Budgets are written beside the worker's records; on SQLite, with its one writer, transactions then begin as writers.
"""

import os

from tests.engine.plain.settings import *  # noqa: F403
from tests.engine.plain.settings import DATABASES as _DATABASES
from tests.engine.plain.settings import DJANGO_AUTOMATE as _GIVEN

DJANGO_AUTOMATE = {**_GIVEN, "POLICY": {"private_targets": [os.environ["MODEL_TARGET"]]}}
DATABASES = _DATABASES
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
