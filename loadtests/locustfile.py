"""People and senders over many workspaces, for Locust. `python -m loadtests.mixed` prepares all that it needs.

`LOAD_WORKSPACES` names a JSON file: [{hook_url, api_key, api_url, base_url, folder, email, password}]; `LOAD_ACCEPTED`
the file into which the numbers of all events that were answered with 202 are written at the end.

Senders post orders of three sizes, most of them one after the other, some in bursts, a few twice. Programs read lists
over the API. People log in and look around: Home, runs, events, one run.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task
from locust.clients import ResponseContextManager
from locust.contrib.fasthttp import FastResponse

from loadtests.payload import ORDER

WORKSPACES: list[dict[str, Any]] = json.loads(Path(os.environ["LOAD_WORKSPACES"]).read_text())
SIZES = (("small", 0, 8), ("order", 1, 10), ("large", 120, 1))  # name, notes of 1 KB, weight
BURST = 25
numbers = itertools.count(1)
workspaces = itertools.cycle(WORKSPACES)
accepted: list[int] = []


@events.quitting.add_listener
def write_accepted(**_of_locust: Any) -> None:
    Path(os.environ["LOAD_ACCEPTED"]).write_text(json.dumps(accepted))


class Sender(FastHttpUser):
    """A shop's system that posts webhooks."""

    weight = 12
    wait_time = between(0.05, 0.4)

    def on_start(self) -> None:
        workspace = next(workspaces)
        self.url = workspace["hook_url"]
        self.headers = {"Authorization": f"Bearer {workspace['api_key']}", "Content-Type": "application/json"}

    @task(20)
    def one(self) -> None:
        self._post(next(numbers))

    @task(1)
    def burst(self) -> None:
        for _ in range(BURST):
            self._post(next(numbers))

    @task(1)
    def twice(self) -> None:
        """Senders that saw no answer send again; the second is a duplicate."""
        number = next(numbers)
        self._post(number)
        self._post(number)

    def _post(self, number: int) -> None:
        name, notes, _ = random.choices(SIZES, weights=[weight for *_, weight in SIZES])[0]
        body = {"seq": number, **ORDER, "notes": ["x" * 1000] * notes} if notes else {"seq": number, "amount": 150}
        headers = {**self.headers, "Idempotency-Key": f"order-{number}"}
        with self.client.post(
            self.url, json=body, headers=headers, name=f"webhook, {name}", catch_response=True
        ) as answer:
            if answer.status_code == 202:
                accepted.append(number)
            else:
                _fail(answer)


class Program(FastHttpUser):
    """A dashboard of theirs that reads over the API."""

    weight = 2
    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        workspace = next(workspaces)
        self.api_url = workspace["api_url"]
        self.headers = {"Authorization": f"Bearer {workspace['api_key']}"}

    @task(3)
    def runs(self) -> None:
        self._get("/runs?status=succeeded&limit=20", "API, runs")

    @task(2)
    def events(self) -> None:
        self._get("/events?since=1h", "API, events")

    @task(1)
    def usage(self) -> None:
        self._get("/usage", "API, usage")

    def _get(self, path: str, name: str) -> None:
        self.client.get(f"{self.api_url}{path}", headers=self.headers, name=name)


class Person(FastHttpUser):
    """A member who watches the portal."""

    weight = 2
    wait_time = between(1, 3)

    def on_start(self) -> None:
        self.workspace = next(workspaces)
        base_url, folder = self.workspace["base_url"], self.workspace["folder"]
        form = self.client.get(f"{base_url}/login/", name="page, log-in").text or ""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        given = {"login": self.workspace["email"], "password": self.workspace["password"]}
        self.client.post(
            f"{base_url}/login/",
            data={**given, "csrfmiddlewaretoken": token[1] if token else "", "next": f"{folder}/"},
            headers={"Referer": f"{base_url}/login/"},
            name="page, log-in sent",
        )

    @task(2)
    def home(self) -> None:
        self._look("/", "page, Home")

    @task(3)
    def runs(self) -> None:
        page = self._look("/runs/", "page, runs")
        if run := re.search(r'href="[^"]*(/runs/[0-9a-f-]{36}/)"', page):
            self._look(run[1], "page, run")

    @task(2)
    def events(self) -> None:
        self._look("/events/", "page, events")

    @task(1)
    def workflows(self) -> None:
        self._look("/workflows/", "page, workflows")

    def _look(self, path: str, name: str) -> str:
        folder = self.workspace["folder"]
        with self.client.get(f"{folder}{path}", name=name, catch_response=True) as answer:
            if answer.status_code != 200 or "/login/" in str(answer.url):
                _fail(answer)
            return answer.text or ""


def _fail(answer: ResponseContextManager | FastResponse) -> None:
    answer.failure(f"{answer.status_code}: {(answer.text or '')[:120]}")
