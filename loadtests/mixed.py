"""People and senders together, over many workspaces: what each of them sees, and whether an event was lost.

usage: python -m loadtests.mixed [--workspaces 25] [--users 60] [--seconds 60] [--output loadtests/results/NAME.md]

Starts its own copy of the product and a sink, makes workspaces whose workflow calls the sink (one in five a slow one,
which answers after 400 ms), and lets Locust play `loadtests/locustfile.py`. Everything shares this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loadtests.bench import free_port, listens, product, running, wait_for
from loadtests.load import Sent, arrivals, drained

SLOW_MS = 400
PASSWORD = "correct horse battery"  # of people who live as long as this run
PREPARE = """
import django, json, sys; django.setup()
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.utils import timezone
from automate.services import publish_version, save_draft
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.onboarding import open_workspace
from automate_tenants.provisioning import ref

count, sink, slow_ms, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
made = []
with public_scope():
    for number in range(count):
        now, slug = timezone.now(), f"shop-{number}"
        email = f"{slug}@example.com"
        user = get_user_model().objects.create_user(username=email, email=email, password=password)
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
        opened = open_workspace(name=f"Shop {number}", slug=slug, owner_id=user.pk, now=now)
        path = f"/slow/{slow_ms}" if number % 5 == 0 else "/"
        step = {"id": "notify", "connector": "http", "action": "request", "idempotent": True,
                "params": {"method": "POST", "url": sink + path, "json": {"seq": "{{ payload.seq }}"}}}
        with tenant_scope(ref(opened.tenant)):
            flow = opened.workflow
            draft = {**flow.draft, "rule": {">": [{"var": "payload.amount"}, 100]}, "steps": [step]}
            saved = save_draft(workflow_id=flow.pk, definition=draft, expected_revision=flow.draft_revision,
                               actor="load", now=now)
            publish_version(workflow_id=flow.pk, expected_revision=saved.draft_revision, actor="load", now=now)
        made.append({"slug": slug, "email": email, "password": password, "api_key": opened.api_key,
                     "hook": opened.webhook_url_path})
print(json.dumps(made))
"""


def prepare(root: Path, ready: dict[str, str], sink: str, count: int) -> list[dict[str, Any]]:
    """Workspaces of people with passwords, each with a live workflow that calls the sink."""
    told = {
        **os.environ,
        "DJANGO_AUTOMATE_HOME": str(root),
        "DJANGO_SETTINGS_MODULE": "automate_platform.settings",
        "DJANGO_AUTOMATE_PRIVATE_TARGETS": sink.removeprefix("http://"),
    }
    command = [sys.executable, "-c", PREPARE, str(count), sink, str(SLOW_MS), PASSWORD]
    done = subprocess.run(command, env=told, check=True, stdout=subprocess.PIPE, text=True)
    base_url = ready["api_url"].partition("/api/")[0].partition("/w/")[0]
    return [
        {
            **each,
            "base_url": base_url,
            "hook_url": f"{base_url}{each['hook']}",
            "api_url": f"{base_url}/api/v1",
            "folder": f"{base_url}/w/{each['slug']}",
        }
        for each in json.loads(done.stdout.splitlines()[-1])
    ]


def play(folder: Path, workspaces: list[dict[str, Any]], *, users: int, seconds: int) -> tuple[list[Any], list[int]]:
    """Locust's figures by request, and the numbers of the events that were accepted."""
    told, heard = folder / "workspaces.json", folder / "accepted.json"
    told.write_text(json.dumps(workspaces))
    words = ["--headless", "--users", str(users), "--spawn-rate", "20", "--run-time", f"{seconds}s", "--json"]
    words += [
        "--host",
        workspaces[0]["base_url"],
        "--exit-code-on-error",
        "0",
        "--loglevel",
        "WARNING",
        "--only-summary",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "locust", "--locustfile", str(Path(__file__).with_name("locustfile.py")), *words],
        env={**os.environ, "LOAD_WORKSPACES": str(told), "LOAD_ACCEPTED": str(heard)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout), json.loads(heard.read_text())


def report(figures: list[Any], *, seconds: int, lost: int, repeated: int, accepted: int, title: str) -> str:
    lines = [f"# {title}", "", f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {os.cpu_count()} cores", ""]
    lines += ["| request | answers | failures | /s | p50 ms | p95 ms | p99 ms |", "|---|---|---|---|---|---|---|"]
    for each in sorted(figures, key=lambda one: str(one["name"])):
        times = sorted((int(ms), count) for ms, count in each["response_times"].items())
        cells = [each["num_requests"], each["num_failures"], f"{each['num_requests'] / seconds:.1f}"]
        cells += [_at(times, share) for share in (0.5, 0.95, 0.99)]
        lines.append(f"| {each['name']} | " + " | ".join(map(str, cells)) + " |")
    lines += ["", f"{accepted:,} events accepted; lost on the way to the sink: {lost}; there twice: {repeated}."]
    return "\n".join(lines) + "\n"


def _at(times: list[tuple[int, int]], share: float) -> int:
    """Milliseconds that this share of the answers took at most; times are (ms, count), rounded by Locust."""
    left = share * sum(count for _, count in times)
    for ms, count in times:
        left -= count
        if left <= 0:
            return ms
    return 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--workspaces", type=int, default=25)
    options.add_argument("--users", type=int, default=60)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--output", type=Path)
    chosen = options.parse_args()
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(sys.executable, "-m", "loadtests.sink", str(port), environment={}),
        product(Path(folder) / "home", port) as copy,
    ):
        wait_for("the sink", lambda: listens(port))
        sink = f"http://127.0.0.1:{port}"
        workspaces = prepare(Path(folder) / "home", copy.ready, sink, chosen.workspaces)
        arrivals(sink, "reset")
        figures, accepted = play(Path(folder), workspaces, users=chosen.users, seconds=chosen.seconds)
        numbers = set(accepted)
        seen = drained(sink, [Sent(number, 202, 0, 0) for number in numbers])
    lost, repeated = len(numbers - seen.keys()), sum(count > 1 for _, count in seen.values())
    title = f"People and senders: {chosen.users} at once over {chosen.workspaces} workspaces, {chosen.seconds} s"
    failures = sum(each["num_failures"] for each in figures)
    told = {"lost": lost, "repeated": repeated, "accepted": len(numbers)}
    text = report(figures, seconds=chosen.seconds, title=title, **told)
    sys.stdout.write(text)
    if chosen.output:
        chosen.output.write_text(text)
    return 1 if lost or repeated or failures or not numbers else 0


if __name__ == "__main__":
    sys.exit(main())
