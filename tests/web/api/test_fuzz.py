"""Whatever a caller sends, each operation answers as its document says: schemathesis makes the requests up.

A few examples for each operation here; `make fuzz-api` tries many more. Each request is undone, so that the next meets
the same workspace, and path parameters often name what is there, so that more is reached than 404.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from automate_tenants.keys import SCOPES
from automate_web.api import schema
from tests.support.in_process import in_our_transaction
from tests.support.workspaces import Workspace
from tests.web.api.conftest import new_key
from tests.web.api.support import Rows

EXAMPLES = int(os.environ.get("FUZZ_API_EXAMPLES", "1"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
OPERATIONS = sorted(
    operation["operationId"]
    for methods in json.loads(schema.FILE.read_text())["paths"].values()
    for operation in methods.values()
)


@pytest.fixture(scope="module")
def document() -> Any:
    loaded = schemathesis.openapi.from_dict(json.loads(schema.FILE.read_text()))
    loaded.app = in_our_transaction(get_wsgi_application())
    loaded.location = "/api/v1/openapi.json"
    return loaded


@pytest.fixture
def known(rows: Rows, tenant_a: Workspace) -> dict[str, list[str]]:
    """Values for path parameters that name something."""
    with connection.cursor() as cursor:  # making up the first request may take longer than a session may idle
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    workflow = rows.workflow()
    events = [rows.event() for _ in range(4)]
    runs = [rows.run(events[0], workflow), rows.run(events[1], workflow, status="failed")]
    runs += [rows.held(events[2], workflow), rows.asking(events[3], workflow)]
    return {
        "event_id": [str(event.pk) for event in events],
        "run_id": [str(run.pk) for run in runs],
        "workflow": [str(workflow.pk), "order-flow"],
        "schedule_id": [str(rows.schedule(workflow).pk)],
        "version": ["1", "live"],
    }


@pytest.mark.django_db
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_answer_is_one_that_the_document_names(
    operation_id: str, document: Any, known: dict[str, list[str]], tenant_a: Workspace
) -> None:
    operation = document.find_operation_by_id(operation_id)
    headers = {"Authorization": f"Bearer {new_key(tenant_a, SCOPES)}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize="FUZZ_API_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), choices=st.randoms(use_true_random=False))
    def send(case: Any, choices: Any) -> None:
        for name, values in known.items():
            if name in (case.path_parameters or {}) and choices.random() < 0.8:
                case.path_parameters[name] = choices.choice(values)
        with transaction.atomic():
            answer = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS, headers=headers)

    send()
