"""Log lines in both schemas: redacted as a whole, with their trace; hostile ones cost a bounded amount of work."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from automate_governance import logs, tracing
from automate_governance.redaction.current import masking

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("x").makeRecord("x", logging.ERROR, "f.py", 1, message, arguments, None, extra=extra)


@pytest.mark.parametrize("formatter", [logs.EcsFormatter(), logs.SimpleFormatter()], ids=["ecs", "simple"])
def test_a_line_is_redacted_by_name_by_shape_and_by_value(formatter: logging.Formatter) -> None:
    with masking(["hunter2222"]):
        line = formatter.format(record("login password=%s hunter2222, card %s", "tops3cret", "4111 1111 1111 1111"))

    assert "login" in line
    for secret in ("tops3cret", "hunter2222", "4111"):
        assert secret not in line


@pytest.mark.parametrize("formatter", [logs.EcsFormatter(), logs.SimpleFormatter()], ids=["ecs", "simple"])
def test_a_traceback_and_extra_fields_are_part_of_it(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("Authorization: Bearer abcdefghijklmnop")
    except ValueError:
        made = record("failed", api_key="k-123456789", note="kept")
        made.exc_info = sys.exc_info()

    line = formatter.format(made)

    assert "ValueError" in line
    assert "abcdefghijklmnop" not in line
    assert "k-123456789" not in line


def test_an_ecs_line_is_json_with_its_trace() -> None:
    with tracing.of(TRACE):
        line = json.loads(logs.EcsFormatter().format(record("hello")))
    own = json.loads(logs.EcsFormatter().format(record("hello", trace_id="f" * 32)))

    assert (line["message"], line["log.level"], line["trace"]["id"]) == ("hello", "error", TRACE)
    assert line["ecs.version"]
    assert own["trace"]["id"] == "f" * 32


def test_a_simple_line_ends_with_its_trace() -> None:
    with tracing.of(TRACE):
        assert logs.SimpleFormatter().format(record("hello")).endswith(f"ERROR x hello trace={TRACE}")
    assert logs.SimpleFormatter().format(record("hello")).endswith("ERROR x hello")


def test_what_cannot_be_formatted_is_withheld() -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("secret")

    for formatter in (logs.EcsFormatter(), logs.SimpleFormatter()):
        assert logs.WITHHELD in formatter.format(record("%s", Hostile()))


def test_the_configuration_is_one_that_logging_takes() -> None:
    import logging.config

    for schema in ("ecs", "simple"):
        made = logging.config.DictConfigurator(logs.config(schema)).configure_formatter(
            logs.config(schema)["formatters"]["line"]
        )
        assert isinstance(made, (logs.EcsFormatter, logs.SimpleFormatter))
