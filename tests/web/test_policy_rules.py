"""Every rule of a layer can be set wherever that layer is written: definition, API, form, and as the pages say."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import automate.definitions
import automate_web.docs
from automate.llm import policy_caps
from automate.policy import save_policy
from automate.policy.rules import names
from automate.services import create_workflow, publish_version
from automate_llm.budgets.caps import find_caps
from automate_tenants.context import tenant_scope
from automate_web.api.serializers import PolicyRules
from automate_web.pages.policies import PolicyForm
from tests.support.workspaces import Workspace

SCHEMA = Path(automate.definitions.__file__).with_name("workflow.schema.json")
PAGE = Path(next(iter(automate_web.docs.__path__))) / "budgets.md"


def test_definitions_api_and_form_know_each_rule_of_their_layer() -> None:
    schema = json.loads(SCHEMA.read_text())["properties"]["policy"]

    assert set(schema["properties"]) == names("workflow")
    assert set(PolicyRules().fields) == names("tenant")
    assert set(PolicyForm.base_fields) == names("tenant")


@pytest.mark.django_db
def test_the_budgets_that_the_page_shows_can_be_published(tenant_a: Workspace) -> None:
    shown = re.search(r'`("policy": \{.*?\})`', PAGE.read_text())
    assert shown is not None
    now = datetime.now(UTC)
    definition = {
        "slug": "thrifty",
        "name": "Thrifty",
        "trigger": {"type": "manual"},
        "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}],
        **json.loads(f"{{{shown[1]}}}"),
    }
    with tenant_scope(tenant_a.ref):
        workflow = create_workflow(definition=definition, actor="user:1", now=now)
        version = publish_version(workflow_id=workflow.id, expected_revision=1, actor="user:1", now=now)

    assert version.options["policy"] == {"llm_budget_daily": 2.50, "llm_budget_run": 0.50}


@pytest.mark.django_db
def test_a_workspace_caps_each_workflow_and_each_run(tenant_a: Workspace) -> None:
    document = {"llm_budget_workflow": "1.50", "llm_budget_run": "0.25"}
    with tenant_scope(tenant_a.ref):
        save_policy(document=document, expected_revision=0, actor="user:1", now=datetime.now(UTC))
        assert policy_caps().workflow_usd == Decimal("1.50")
        caps = find_caps(None, {"llm_budget_daily": 2.0, "llm_budget_run": 0.1})

    assert (caps.workflow, caps.run) == (1_500_000, 100_000)  # the strictest of workspace and workflow
