"""What a worker logs, in a project that does not say where log lines go: stderr, redacted, in `LOGGING_SCHEMA`.

A project with a LOGGING of its own gets the same lines from `automate_governance.logs.config(schema)`.
"""

from __future__ import annotations

import logging.config

from django.conf import settings

from automate import configuration
from automate_governance import logs


def configure() -> None:
    """For this process, once. A project's own LOGGING stays untouched."""
    if not settings.LOGGING:
        logging.config.dictConfig(logs.config(configuration.logging_schema()))
