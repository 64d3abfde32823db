"""The cap is hard: 200 calls from four processes, two of them killed in the middle, against a cap for 30."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from automate_llm.budgets import reconcile
from automate_llm.models import Budget, LedgerEntry, Preferences
from tests.engine.automate_llm.conftest import today
from tests.support.llm_server import Asked, LLMServer, Reply
from tests.support.server import DatabaseUrls
from tests.support.workspaces import Workspace

ROOT = Path(__file__).parents[3]
CAP = 3_000_000  # micro-dollars; one call reserves 100,000
CALLS, PROCESSES = 200, 4
KILLED_AFTER = {0: 12, 1: 25}  # process → how many requests have come in by then


class Provider:
    """Charges for every answer it makes, also for those that nobody hears any more."""

    def __init__(self) -> None:
        self.charged_micros = 0
        self._random = random.Random(7)
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            drawn, tokens = self._random.random(), self._random.randint(1, 100)
            if drawn < 0.15:
                return Reply(status=400)
            if drawn < 0.25:
                return Reply(status=500)
            self.charged_micros += tokens * 1000
        return Reply(usage=(5, tokens), drop_after=30 if drawn < 0.32 else None)


@pytest.mark.processes
def test_spend_never_passes_the_cap_whoever_dies(
    spending: Workspace, llm_server: LLMServer, database_urls: DatabaseUrls
) -> None:
    Preferences.objects.update(daily_cap_micros=CAP)
    llm_server.say = provider = Provider()
    spenders = [_start(spending, llm_server) for _ in range(PROCESSES)]
    highest = 0
    try:
        for number, requests in KILLED_AFTER.items():
            llm_server.wait_for(requests, seconds=60)
            os.kill(spenders[number].pid, signal.SIGKILL)
            highest = max(highest, _counted())
        while any(spender.poll() is None for spender in spenders[2:]):
            highest = max(highest, _counted())
        outcomes = [json.loads(line) for spender in spenders for line in _output(spender)]
    finally:
        for spender in spenders:
            spender.kill()
            spender.wait()

    assert highest <= CAP
    assert reconcile.sweep(now=timezone.now() + timedelta(hours=1)) == _killed_in_flight()
    total = today()
    assert total.reserved_micros == 0
    assert provider.charged_micros <= total.spent_micros <= CAP
    assert total.spent_micros > CAP // 2  # it was contended: some gave up while dead calls held the rest
    ledger = LedgerEntry.objects.aggregate(total=Sum("cost_micros"))["total"]
    by_workflow = Budget.objects.filter(scope="workflow").aggregate(total=Sum("spent_micros"))["total"]
    by_run = Budget.objects.filter(scope="run").aggregate(total=Sum("spent_micros"))["total"]
    assert ledger == by_workflow == by_run == total.spent_micros
    assert not LedgerEntry.objects.filter(status="reserved").exists()
    assert any("ok" in outcome for outcome in outcomes)  # how many: as reservations of the dead leave room
    assert len(outcomes) < CALLS  # the killed ones told nothing of what they had under way


def _killed_in_flight() -> int:
    return LedgerEntry.objects.filter(error_code="process_lost").count()


def _counted() -> int:
    row = Budget.objects.filter(scope="tenant").first()
    return row.spent_micros + row.reserved_micros if row else 0


def _start(workspace: Workspace, server: LLMServer) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.engine.automate_llm.spender"),
            *(str(workspace.ref.id), workspace.ref.schema_name, server.url, str(CALLS // PROCESSES)),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "automate_platform.settings",
            "DJANGO_AUTOMATE_PRIVATE_TARGETS": server.target,
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def _output(spender: subprocess.Popen[str]) -> list[Any]:
    out, _ = spender.communicate(timeout=120)
    return [line for line in out.splitlines() if line.endswith("}")]
