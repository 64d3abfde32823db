"""`Idempotency-Key`: the same request twice does its work once, and says what it said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automate.models import ExecutionRun, KeptAnswer, Workflow, WorkflowVersion
from automate.outbox import sql
from automate.retention import Retention, purge
from automate_tenants.context import tenant_scope
from automate_web.api import schema
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import ALL_SCOPES, Api, Rows
from tests.web.api.test_workflows import definition

pytestmark = pytest.mark.django_db
NAMED = {"Idempotency-Key": "a-name-of-the-caller"}
UNNAMED: set[str] = set()


def kept(workspace: Workspace) -> list[KeptAnswer]:
    with tenant_scope(workspace.ref):
        return list(KeptAnswer.objects.order_by("id"))


def test_every_operation_that_makes_something_honours_the_key() -> None:
    document: dict[str, Any] = json.loads(schema.FILE.read_text())
    posts = [methods["post"] for methods in document["paths"].values() if "post" in methods]

    without = {
        post["operationId"]
        for post in posts
        if "Idempotency-Key" not in {parameter["name"] for parameter in post.get("parameters", [])}
    }

    assert without == UNNAMED


def test_the_same_request_again_gets_the_first_answer_and_does_nothing(api: Api, tenant_a: Workspace) -> None:
    first = api.post("/workflows", definition(), NAMED)
    again = api.post("/workflows", json.dumps(definition(), indent=3).encode(), NAMED)  # the same, written otherwise

    assert (first.status_code, first.headers.get("Idempotent-Replayed")) == (201, None)
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.content == first.content
    assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
    with tenant_scope(tenant_a.ref):
        assert Workflow.objects.filter(slug="order-flow").count() == 1


def test_a_run_is_started_once(api: Api, rows: Rows, tenant_a: Workspace) -> None:
    rows.workflow()
    answers = [api.post("/workflows/order-flow/runs", {"payload": {"id": 7}}, NAMED) for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    with tenant_scope(tenant_a.ref):
        assert ExecutionRun.objects.count() == 1
    assert api.post("/workflows/order-flow/runs", {"payload": {"id": 7}}).content != answers[0].content


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/workflows", definition(slug="another"), {}),
        ("/workflows/order-flow/versions", definition(), {"If-Match": "*"}),
        ("/workflows", definition(), {"If-Match": "*"}),
    ],
)
def test_another_request_under_the_same_name_is_refused(
    api: Api, tenant_a: Workspace, path: str, body: Any, headers: dict[str, str]
) -> None:
    api.post("/workflows", definition(), NAMED)

    refused = api.post(path, body, {**NAMED, **headers})

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    with tenant_scope(tenant_a.ref):
        assert not Workflow.objects.filter(slug="another").exists()
        assert not WorkflowVersion.objects.filter(workflow__slug="order-flow").exists()


def test_a_refusal_is_not_kept_so_asking_again_may_succeed(api: Api, tenant_a: Workspace) -> None:
    missing = api.post("/workflows/order-flow/versions", {}, {**NAMED, "If-Match": "*"})
    assert missing.status_code == 404
    assert kept(tenant_a) == []
    api.post("/workflows", definition())

    made = api.post("/workflows/order-flow/versions", {}, {**NAMED, "If-Match": "*"})

    assert made.status_code == 201


def test_keys_of_two_programs_are_their_own(api: Api, make_api: MakeApi, tenant_a: Workspace) -> None:
    other = make_api(*ALL_SCOPES)

    first = api.post("/workflows", definition(), NAMED)
    second = other.post("/workflows", definition(slug="another"), NAMED)

    assert (first.status_code, second.status_code) == (201, 201)
    assert len(kept(tenant_a)) == 2


def test_a_key_that_lost_its_scope_is_told_so_and_not_what_was_said_before(
    make_api: MakeApi, rows: Rows, tenant_a: Workspace
) -> None:
    rows.workflow()
    asked = ("/workflows/order-flow/runs", {"payload": {}}, NAMED)

    assert make_api("runs:write").post(*asked).status_code < 300
    assert make_api("runs:read").post(*asked).status_code == 403


@pytest.fixture
def elsewhere(tenant_a: Workspace) -> Iterator[Any]:
    """A second connection to the workspace's schema: another process."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, false)", [tenant_a.ref.schema_name])
        cursor.execute("BEGIN")
        yield cursor
        cursor.execute("ROLLBACK")
    other.close()


def test_while_the_first_is_at_work_the_second_is_told_to_come_back(
    api: Api, elsewhere: Any, tenant_a: Workspace
) -> None:
    with tenant_scope(tenant_a.ref):
        api.post("/workflows", definition(), NAMED)
        caller = KeptAnswer.objects.get().caller
        KeptAnswer.objects.all().delete()
    other = {"Idempotency-Key": "still-at-work"}
    elsewhere.execute(sql.load("try_alone"), {"name": f"kept_answer {caller} still-at-work"})

    refused = api.post("/workflows", definition(slug="another"), other)

    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_in_progress")
    assert refused["Retry-After"] == "1"
    with tenant_scope(tenant_a.ref):
        assert not Workflow.objects.filter(slug="another").exists()


def test_after_a_day_the_name_is_free_and_retention_takes_what_is_past(api: Api, tenant_a: Workspace) -> None:
    api.post("/workflows", definition(), NAMED)
    with tenant_scope(tenant_a.ref):
        (row,) = KeptAnswer.objects.all()
        assert row.expires_at - row.created_at == timedelta(hours=24)
        KeptAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert api.post("/workflows", definition(slug="another"), NAMED).status_code == 201
    with tenant_scope(tenant_a.ref):
        KeptAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        purged = purge(now=timezone.now(), retention=Retention())
        assert (purged["keptanswer"], KeptAnswer.objects.count()) == (1, 0)


@pytest.mark.parametrize("name", ["", "x" * 256, "näme", "a\tb"])
def test_a_name_nobody_could_repeat_is_refused(api: Api, name: str) -> None:
    refused = api.post("/workflows", definition(), {"Idempotency-Key": name})

    assert (refused.status_code, refused.json()["details"]) == (422, {"param": "Idempotency-Key"})


def test_what_is_kept_of_a_secret_holds_neither_its_value_nor_a_digest_that_can_be_guessed(
    api: Api, tenant_a: Workspace
) -> None:
    body = {"name": "SHORT", "value": "1234"}
    made = api.post("/secrets", body, NAMED)
    again = api.post("/secrets", body, NAMED)

    assert (made.status_code, again.content) == (201, made.content)
    (row,) = kept(tenant_a)
    assert "1234" not in row.body
    raw = json.dumps(body).encode()
    assert bytes(row.fingerprint) != hashlib.sha256(raw).digest()
    assert api.post("/secrets", {**body, "value": "1235"}, NAMED).json()["code"] == "idempotency_key_reused"
