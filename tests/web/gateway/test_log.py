"""What the gateway writes to its log: lines of the same form as web and worker, and no secret in any of them."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from automate_governance.logs import EcsFormatter
from automate_platform.gateway import log_settings, secret_values
from automate_web.gateway.config import GatewayConfig
from tests.support.waiting import Eventually
from tests.web.gateway.conftest import Sender

CANARY = "canary-of-the-sender-7781"


def test_lines_are_ecs_and_hold_nothing_of_what_was_sent(alpha: Sender, eventually: Eventually) -> None:
    before = len(alpha.gateway.log_file.read_text())

    def lines() -> list[Any]:
        return [json.loads(line) for line in alpha.gateway.log_file.read_text()[before:].splitlines()]

    alpha.post(f'{{"password": "{CANARY}"}}'.encode(), X_Api_Key=CANARY)
    alpha.gateway.send("POST", f"{alpha.path}?token={CANARY}", f'{{"{CANARY}"'.encode(), alpha.headers())
    alpha.gateway.send("POST", alpha.path, b"{}", {"Authorization": f"Bearer {CANARY}"})
    alpha.gateway.raw(f"POST {CANARY}\r\nAuthorization: Bearer {CANARY}\r\n\r\n".encode())

    assert eventually(lambda: any("Invalid HTTP request" in line["message"] for line in lines()))
    assert {line["log.level"] for line in lines()} <= {"warning", "error"}
    assert all("@timestamp" in line for line in lines())
    assert CANARY not in alpha.gateway.log_file.read_text()


def test_its_own_secrets_are_known_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GatewayConfig(database_url="postgresql://app:p%40ss-word@127.0.0.1/x", live_secret="live-secret-9")

    assert secret_values(config) == ("p@ss-word", "live-secret-9")
    monkeypatch.setenv("DJANGO_AUTOMATE_LOGGING_SCHEMA", "simple")
    assert "Simple" in log_settings()["formatters"]["line"]["()"]


def test_a_trace_id_stands_where_the_schema_has_it() -> None:
    record = logging.LogRecord("automate.gateway", logging.ERROR, __file__, 1, "unforeseen", (), None)
    record.trace_id = "ab" * 16

    assert json.loads(EcsFormatter().format(record))["trace"]["id"] == "ab" * 16
