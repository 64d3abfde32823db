"""Log lines: in the Elastic Common Schema or simple, each with its trace id, redacted before it is written.

The finished line is what is redacted, so nothing gets past by arguments, `extra` fields or tracebacks. Secrets of the
step at hand are masked by value too (`redaction.current`). A line that cannot be made safe is left out, and says so.
Source: seeds, "Observability", LOGGING_SCHEMA.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import ecs_logging

from automate_governance import tracing
from automate_governance.redaction import redact, redact_text
from automate_governance.redaction.current import current_values

SIMPLE = "{asctime} {levelname} {name} {message}"
WITHHELD = "[a log line that could not be redacted]"


def config(schema: str = "ecs", *, level: str = "WARNING") -> dict[str, Any]:
    """A `logging.config.dictConfig` that writes everything to stderr in `schema`: "ecs" or "simple"."""
    formatter = {"ecs": EcsFormatter, "simple": SimpleFormatter}[schema]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{formatter.__module__}.{formatter.__qualname__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {"django": {"handlers": [], "propagate": True, "level": level}},
    }


class EcsFormatter(ecs_logging.StdlibFormatter):
    """One JSON object a line, with `trace.id`."""

    def format_to_ecs(self, record: logging.LogRecord) -> dict[str, Any]:
        found: dict[str, Any] = super().format_to_ecs(record)
        trace_id = found.pop("trace_id", None) or tracing.current()
        if trace_id:
            found.setdefault("trace", {})["id"] = str(trace_id)
        return found

    def format(self, record: logging.LogRecord) -> str:
        try:
            line = json.loads(super().format(record))
            return json.dumps(redact(line, current_values()), ensure_ascii=False)
        except Exception:
            return json.dumps({"message": WITHHELD, "log.level": record.levelname.lower()})


class SimpleFormatter(logging.Formatter):
    """Time, level, logger and message, for people; the trace id at the end."""

    def __init__(self) -> None:
        super().__init__(SIMPLE, style="{")

    def format(self, record: logging.LogRecord) -> str:
        trace_id = getattr(record, "trace_id", None) or tracing.current()
        try:
            line = super().format(record)
            return redact_text(f"{line} trace={trace_id}" if trace_id else line, current_values())
        except Exception:
            return f"{record.levelname} {WITHHELD}"
