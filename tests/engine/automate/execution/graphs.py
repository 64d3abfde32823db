"""What tests of graphs at work share: steps in few words, scripts of calls, a look at what came of it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from automate.models import RunWait
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step


def now() -> datetime:
    return datetime.now(timezone.utc)


def core(step_id: str, action: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return step(step_id, action, connector="core", params=params, **more)


def statuses(bench: Bench) -> dict[str, str]:
    return {f"{s.step_id}.{s.item}" if s.item else s.step_id: s.status for s in bench.steps()}


def by_step(scripted: Any, **scripts: Any) -> None:
    """What a call of each step does; the others answer with their params."""

    def script(params: Any, context: Any) -> Any:
        chosen = scripts.get(context["step_id"].replace("-", "_").replace(".", "_"))
        return chosen(params, context) if chosen else params

    scripted.script = staticmethod(script)


def refuse(params: Any, context: Any) -> Any:
    raise ConnectorError("No.", code="refused")


def wait_of(bench: Bench) -> RunWait:
    with tenant_scope(bench.ref):
        return RunWait.objects.get()
