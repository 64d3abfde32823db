"""The canary: secrets planted in every source, in six encodings; the product works with them; every sink is searched.

Sources: what a connector answers, raises, logs and passes on to Python's logging; what a server sends back in status,
headers and body; a mistake in the middle of a form. Sinks: every row of every schema, every page and answer of the API,
log lines in both schemas, exports, and what the API says of a refused request.
"""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client

from automate.models import AuditLogEntry, Event, ExecutionRun, StepRun, Workflow
from automate.services import secrets as services
from automate_connectors.models import ConnectorError
from automate_governance import logs
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step
from tests.isolation.conftest import host_of, logged_in
from tests.support.sink import Answer, Sink
from tests.support.workspaces import Workspace

__all__ = ["bench", "scripted"]

CANARY = 'c4n/ry+"ü\\zq-71f3'  # every encoding spells it otherwise
logger = logging.getLogger("their.connector")


def encodings(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "plain": secret,
        "json": json.dumps(secret)[1:-1],
        "url": quote(secret, safe=""),
        "base64": base64.b64encode(raw).decode().rstrip("="),
        "basic": base64.b64encode(b"user:" + raw).decode(),
        "hex": raw.hex(),
    }


def traces_of(secret: str, text: str) -> list[str]:
    """The encodings that stand in `text`, also escaped once more; of a Basic header only the secret's part counts."""
    looked_for = encodings(secret)
    looked_for["basic"] = looked_for["basic"][8:-4]
    return [name for name, part in looked_for.items() if part in text or json.dumps(part)[1:-1] in text]


def everything(text: str = "{}") -> str:
    """All six, in one text that fits where `text` has braces."""
    return text.format(" | ".join(encodings(CANARY).values()))


@pytest.fixture
def lines() -> Iterator[dict[str, io.StringIO]]:
    """What the product's log formatters write of everything that is logged."""
    streams = {"ecs": io.StringIO(), "simple": io.StringIO()}
    handlers = []
    for schema, formatter in (("ecs", logs.EcsFormatter()), ("simple", logs.SimpleFormatter())):
        handler = logging.StreamHandler(streams[schema])
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)
        handlers.append(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield streams
    logging.getLogger().setLevel(level)
    for handler in handlers:
        logging.getLogger().removeHandler(handler)


def connector(params: Any, context: Any) -> Any:
    """A connector that does everything wrong."""
    assert params["key"] == CANARY
    told = everything()
    context["log"]("info", told)
    context["log"]("info", "x" * 1990 + CANARY)
    logger.warning("calling with %s", told, extra={"params": params, "told": [told]})
    try:
        raise ValueError(told)
    except ValueError:
        logger.exception("it failed")
    if context["step_id"] == "raises":
        raise ConnectorError(f"refused: {told}", details={"sent": told, "nested": [{"deep": told}]})
    if context["step_id"] == "crashes":
        raise RuntimeError(f"crashed with {told}")
    return {"answer": told, told[:200]: 1, "nested": [told, {"x": json.dumps({"y": told})}]}


@pytest.fixture
def worked(bench: Bench, scripted: Any, settings: Any, lines: Any) -> Iterator[Sink]:
    """Four runs have met the secret; a server has echoed it."""
    sink = Sink()
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": [sink.target]}}
    with tenant_scope(bench.ref):
        services.create_secret(name="KEY", value=CANARY, note="a note", actor="system", now=_now())
    scripted.script = staticmethod(connector)
    sink.answer = lambda request: Answer(
        status=500 if "fail" in request.path else 200,
        body=json.dumps({"you sent": everything(), "password": "x"}).encode(),
        headers={"Content-Type": "application/json", "X-Echo": encodings(CANARY)["base64"]},
    )
    secret = {"$secret": "KEY"}
    for name in ("answers", "raises", "crashes"):
        bench.publish(step(name, params={"key": secret}, retry={"attempts": 1}), slug=name)
    calls = [
        {"id": "ok", "connector": "http", "action": "request", "retry": {"attempts": 1},
         "params": {"method": "PUT", "url": f"{sink.url}/ok", "json": {"k": secret}}},
        {"id": "later", "connector": "core", "action": "transform",
         "params": {"value": "{{ steps.ok.output.body }}"}},
        {"id": "bad", "connector": "http", "action": "request", "retry": {"attempts": 1},
         "params": {"method": "GET", "url": f"{sink.url}/fail", "query": {"k": secret}}},
    ]  # fmt: skip
    bench.publish(*calls, slug="calls")
    bench.emit()
    bench.work()
    yield sink
    sink.close()


def _now() -> datetime:
    return datetime.now(UTC)


def rows() -> dict[str, str]:
    """Every row of every table of every schema, as text; bytes also as what they spell."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for schema, table in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
            texts = []
            for row in cursor.fetchall():
                for value in row:
                    if isinstance(value, (bytes, memoryview)):
                        texts += [bytes(value).decode("latin-1"), bytes(value).hex()]
                    else:
                        texts.append(json.dumps(value, default=str, ensure_ascii=False))
            found[f"{schema}.{table}"] = "\n".join(texts)
    return found


def pages(bench: Bench, workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Every page and answer that shows something of these runs."""
    with tenant_scope(bench.ref):
        runs, steps = list(ExecutionRun.objects.all()), list(StepRun.objects.all())
        event, workflows = Event.objects.latest("pk"), list(Workflow.objects.all())
    browser = logged_in(workspace.owner, workspace, host_of(workspace))
    paths = ["/runs/", "/events/", f"/events/{event.pk}/", "/workflows/", "/governance/secrets/", "/start/"]
    paths += ["/governance/secrets/KEY/", "/governance/audit/", "/governance/audit.csv", "/governance/audit.jsonl"]
    paths += [f"/runs/{run.pk}/" for run in runs] + [f"/workflows/{workflow.pk}/" for workflow in workflows]
    for attempt in steps:
        paths += [f"/runs/{attempt.run_id}/attempts/{attempt.pk}/{part}.json" for part in ("input", "output")]
        paths += [f"/runs/{attempt.run_id}/?step={attempt.step_id}&tab={tab}" for tab in ("output", "error", "logs")]
    for path in paths:
        yield path, browser.get(path).getvalue().decode()
    api, headers = Client(), {"Authorization": f"Bearer {workspace.api_key}"}
    for path in ("runs", "events", "workflows", "secrets", "secrets/KEY", "audit", *(f"runs/{run.pk}" for run in runs)):
        yield f"/api/v1/{path}", api.get(f"/api/v1/{path}", headers=headers).content.decode()
    refused = {"name": "KEY", "value": CANARY, "unknown": everything()}
    for body in (refused, {"name": "KEY", "value": CANARY}, {"name": "bad name", "value": CANARY}):
        answer = api.post("/api/v1/secrets", body, headers=headers, content_type="application/json")
        yield "POST /api/v1/secrets", answer.content.decode()
    form = {"name": "bad name", "value": CANARY, "current_password": CANARY}
    yield "POST /governance/secrets/", browser.post("/governance/secrets/", form).content.decode()


def test_no_sink_holds_the_secret_in_any_encoding(
    worked: Sink, bench: Bench, tenant_a: Workspace, lines: dict[str, io.StringIO]
) -> None:
    with tenant_scope(bench.ref):
        statuses = dict(ExecutionRun.objects.values_list("version__workflow__slug", "status"))
        assert AuditLogEntry.objects.filter(action="secret.create").exists()
    assert statuses == {"answers": "succeeded", "raises": "failed", "crashes": "failed", "calls": "failed"}
    assert json.loads(worked.received[0].body) == {"k": CANARY}  # the receiver did get it

    sinks = {f"table {name}": text for name, text in rows().items()}
    sinks |= {f"page {path}": text for path, text in pages(bench, tenant_a)}
    sinks |= {f"log {schema}": stream.getvalue() for schema, stream in lines.items()}

    assert {name: found for name, text in sinks.items() if (found := traces_of(CANARY, text))} == {}
    assert "calling with" in sinks["log simple"]
    assert all("********" in sinks[f"log {schema}"] for schema in lines)
    assert len(sinks) > 60


def test_the_search_itself_finds_each_encoding() -> None:
    for name, spelling in encodings(CANARY).items():
        assert name in traces_of(CANARY, f"xx{spelling}yy")
    assert traces_of(CANARY, "nothing of it") == []
