"""Pages of a workspace with a million runs: median and 95th percentile of the time in the server, and their queries.

usage: python -m loadtests.pages [--rows 1000000] [--days 30] [--times 20] [--explain] [--output FILE]

Starts a copy of the product (`automate up`) and fills its demo workspace by SQL with `--rows` events, spread evenly
over `--days`, each with its dedupe key, decision, run and one step: of a hundred runs two failed (40 kinds), one was
cancelled, and a few are held. Then each page is asked for `--times` times in this process, as its owner, with all that
a request does but the wire: sessions, permissions, templates. `--explain` prints the plan of the slowest statement of
each page over its budget (a list 200 ms, a run 300 ms, the palette 150 ms, 15 statements a page).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from loadtests.bench import call, free_port, product

LIST_MS, DETAIL_MS, PALETTE_MS, QUERIES = 200, 300, 150, 15
WORKFLOWS = 5


@dataclass(frozen=True)
class Measured:
    name: str
    p50_ms: float
    p95_ms: float
    queries: int
    budget_ms: int
    plan: str = ""

    @property
    def is_over(self) -> bool:
        return self.p95_ms > self.budget_ms or self.queries > QUERIES


def fill(url: str, schema: str, *, rows: int, days: int) -> None:
    """Triggers are off: what is measured is reading."""
    text = (Path(__file__).parent / "pages.sql").read_text()
    text = text.replace(":rows", str(rows)).replace(":days", str(days))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        connection.execute(text.encode())
        connection.execute("ANALYZE")
        for table in ("event", "executionrun", "matchdecision", "dedupe", "steprun"):
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(f"automate_{table}")))


def browser_of(slug: str) -> tuple[Any, Any]:
    """The owner's browser at the workspace's host, and the workspace."""
    from django.test import Client

    from automate_tenants.context import public_scope
    from automate_tenants.middleware.membership import SESSION_TENANT_KEY
    from automate_tenants.models import Membership, Tenant
    from automate_tenants.provisioning import ref

    browser = Client(headers={"host": f"{slug}.localhost"}, REMOTE_ADDR="127.0.0.1")
    with public_scope():
        tenant = Tenant.objects.get(slug=slug)
        member = Membership.objects.select_related("user").filter(tenant=tenant, role="owner")[0]
        browser.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        session = browser.session
        session[SESSION_TENANT_KEY] = tenant.pk
        session.save()
    return browser, ref(tenant)


@contextlib.contextmanager
def filled(*, rows: int, days: int) -> Iterator[tuple[Any, Any]]:
    """A copy of the product whose demo workspace holds that much, Django set up on it here; see `browser_of`."""
    with tempfile.TemporaryDirectory(prefix="automate-pages-") as folder, product(Path(folder), free_port()) as copy:
        for number in range(WORKFLOWS):
            step = {"id": "note", "connector": "core", "action": "log", "params": {"message": "hello"}}
            definition = {
                "slug": f"flow-{number}", "name": f"Flow {number}", "rule": None, "steps": [step],
                "trigger": {"type": "event", "event_type": f"type.{number}"},
            }  # fmt: skip
            call(copy.ready, "POST", "/workflows", definition)
            call(copy.ready, "POST", f"/workflows/flow-{number}/versions", {}, revision=1)
        os.environ["DJANGO_AUTOMATE_HOME"] = folder
        from automate_platform.cli import _django

        _django.setup()
        from django.db import connection

        browser, tenant = browser_of(copy.ready["workspace"])
        begun = time.monotonic()
        fill(copy.database.superuser_url(_database()), tenant.schema_name, rows=rows, days=days)
        print(f"filled in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        try:
            yield browser, tenant
        finally:
            connection.close()


def pages_of(tenant: Any) -> list[tuple[str, str, int, bool]]:
    """Name, path, budget in milliseconds, and whether only a part is asked for."""
    from automate.models import ExecutionRun
    from automate_tenants.context import tenant_scope
    from automate_web.cursor import paginate

    with tenant_scope(tenant):
        run = ExecutionRun.objects.filter(status="failed").order_by("-pk")[5]
        middle = ExecutionRun.objects.order_by("pk")[ExecutionRun.objects.count() // 2]
        cursor = paginate(ExecutionRun.objects.filter(pk__lte=middle.pk)).next_cursor
    lists = {
        "Home": "/",
        "Home: its figures": "/?part=figures",
        "Runs": "/runs/",
        "Runs, failed": "/runs/?status=failed",
        "Runs, succeeded in 24 h": "/runs/?status=succeeded&since=24h",
        "Runs, none waits": "/runs/?status=waiting",
        "Runs of a workflow": "/runs/?workflow=flow-3",
        "Runs of a workflow that failed": "/runs/?workflow=flow-3&status=failed",
        "Runs of a trace": f"/runs/?trace_id={run.trace_id.hex}",
        "Runs, half way down": f"/runs/?cursor={cursor}",
        "Runs, how many are newer": f"/runs/?newer_than={middle.pk}",
        "Events": "/events/",
        "Events of a type": "/events/?type=type.7",
        "Events, no match": "/events/?status=no_match",
        "Events with a text": "/events/?q=pe.1",
        "Events with no such text": "/events/?q=nothing",
        "Failures": "/failures/",
        "Failures of a workflow": "/failures/?workflow=flow-3",
        "Failures: runs of a kind": "/failures/runs/?fingerprint=" + run.error_fingerprint,
        "Approvals": "/approvals/",
        "Workflows": "/workflows/",
        "Webhooks": "/webhooks/",
        "Audit": "/governance/audit/",
        "Usage": "/usage/",
    }
    parts = {"Home: its figures", "Runs, how many are newer"}
    return [
        *((name, path, LIST_MS, name in parts) for name, path in lists.items()),
        ("A run", f"/runs/{run.pk}/", DETAIL_MS, False),
        ("A run, half way down", f"/runs/{middle.pk}/", DETAIL_MS, False),
        ("An event", f"/events/{run.event_id}/", DETAIL_MS, False),
        ("Palette: a word", "/find/?q=flow", PALETTE_MS, True),
        ("Palette: an id", f"/find/?q={run.pk}", PALETTE_MS, True),
        ("Palette: no such id", f"/find/?q={'0' * 31}1", PALETTE_MS, True),
    ]


def measure(browser: Any, page: tuple[str, str, int, bool], *, times: int, explains: bool) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    name, path, budget_ms, is_part = page
    headers = {"HX-Request": "true"} if is_part else {}
    browser.get(path, headers=headers)  # who asks and since when is remembered from here on
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get(path, headers=headers)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answers {answer.status_code}")
    asked = [query for query in captured if not query["sql"].startswith("SET search_path")]
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        browser.get(path, headers=headers)
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    found = Measured(name, statistics.median(took), took[max(0, round(0.95 * times) - 1)], len(asked), budget_ms)
    if explains and found.is_over:
        slowest = max(asked, key=lambda query: float(query["time"]))
        found = Measured(name, found.p50_ms, found.p95_ms, found.queries, budget_ms, explain(browser, slowest["sql"]))
    return found


def explain(browser: Any, statement: str) -> str:
    from django.db import connection

    from automate_tenants.context import tenant_scope
    from automate_tenants.models import Tenant
    from automate_tenants.provisioning import ref

    slug = str(browser.defaults["HTTP_HOST"]).partition(".")[0]
    with tenant_scope(ref(Tenant.objects.get(slug=slug))), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + statement.replace("%", "%%"), [])
        return "\n".join([statement[:600], *(line[:180] for (line,) in cursor.fetchall())])


def report(measured: list[Measured], *, rows: int, days: int, times: int) -> str:
    lines = [
        f"{rows:,} events and runs over {days} days; each page {times} times, in the server, without the wire.",
        "",
        "| page | p50 ms | p95 ms | budget | statements |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {m.name} | {m.p50_ms:.0f} | {m.p95_ms:.0f}{_over(m.p95_ms, m.budget_ms)} | {m.budget_ms} "
            f"| {m.queries}{_over(m.queries, QUERIES)} |"
            for m in measured
        ),
    ]
    return "\n".join([*lines, *(f"\n## {m.name}\n\n{m.plan}" for m in measured if m.plan)])


def _database() -> str:
    from django.db import connection

    return str(connection.settings_dict["NAME"])


def _over(found: float, most: float) -> str:
    return " **over**" if found > most else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with filled(rows=options.rows, days=options.days) as (browser, tenant):
        measured = [measure(browser, page, times=options.times, explains=options.explain) for page in pages_of(tenant)]
    text = report(measured, rows=options.rows, days=options.days, times=options.times)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
