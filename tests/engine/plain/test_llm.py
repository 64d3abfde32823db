"""The engine alone, on PostgreSQL and on SQLite: a workflow asks a model, and a small budget stops the second run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.plain.project import DATABASES, Project
from tests.support.llm_server import KEY, LLMServer, Reply

START = """
from datetime import datetime, timezone
from automate.runtime import run_workflow
from automate.services import create_workflow, publish_version
from automate_llm.models import Preferences
now = datetime.now(timezone.utc)
Preferences.objects.create(prices=[{"model": "stand-in-1", "input": 0, "output": 1000}], updated_at=now)
workflow = create_workflow(definition={
    "slug": "ask", "name": "Ask", "trigger": {"type": "event", "event_type": "asked"},
    "policy": {"llm_budget_daily": 0.15},
    "steps": [{"id": "ask", "connector": "llm", "action": "chat", "params": {
        "provider": "openai_compatible", "model": "stand-in-1", "base_url": "BASE_URL", "prompt": "?",
        "max_tokens": 100, "api_key": {"$secret": "MODEL_KEY"}}}],
}, actor="system", now=now)
publish_version(workflow_id=workflow.id, expected_revision=1, actor="system", now=now)
run_workflow("ask", {})
answer = True
"""

AGAIN = "from automate.runtime import run_workflow\nrun_workflow('ask', {})\nanswer = True"

LOOK = """
from automate.models import ExecutionRun
from automate_llm.models import Budget, LedgerEntry
answer = {
    "runs": [(r.status, (r.error or {}).get("code")) for r in ExecutionRun.objects.order_by("pk")],
    "ledger": list(LedgerEntry.objects.values_list("status", "cost_micros", "usage_from")),
    "budgets": sorted(Budget.objects.values_list("scope", "spent_micros", "reserved_micros")),
}
"""


@pytest.mark.processes
@pytest.mark.parametrize("kind", DATABASES)
def test_a_budget_holds_without_a_platform(
    kind: str, make_project: Callable[[str], Project], llm_server: LLMServer
) -> None:
    llm_server.say = Reply(usage=(3, 100))
    plain = make_project(kind)
    project = Project(
        {
            **plain.environment,
            "DJANGO_SETTINGS_MODULE": "tests.engine.plain.llm_settings",
            "MODEL_TARGET": llm_server.target,
            "AUTOMATE_MODEL_KEY": KEY,
        }
    )
    project.manage("flush", "--no-input", "--verbosity", "0")

    project.script(START.replace("BASE_URL", llm_server.url))
    project.manage("automate_worker", "--once")
    project.script(AGAIN)
    project.manage("automate_worker", "--once")

    seen = project.script(LOOK)
    assert seen["runs"] == [["succeeded", None], ["failed", "budget_exceeded"]]
    assert seen["ledger"] == [["settled", 100_000, "provider"]]
    assert seen["budgets"] == [["run", 100_000, 0], ["tenant", 100_000, 0], ["workflow", 100_000, 0]]
    assert len(llm_server.asked) == 1
