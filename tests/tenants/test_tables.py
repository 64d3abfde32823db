"""The tenant's tables: a short named list, tied to nothing outside, so that a tenant can be dumped and moved."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from tests.support.workspaces import Workspace

# A new table of a tenant needs a reason: one backend that has touched every tenant keeps some 20 KB for each of them.
TABLES = {
    "automate_auditlink",  # the chain over the audit log
    "automate_auditlogentry",
    "automate_bufferedevent",  # events that wait to become one run, in order
    "automate_dedupe",
    "automate_event",
    "automate_eventbuffer",  # the burst or batch they wait for: its due time moves, its row is the lock
    "automate_executionrun",
    "automate_failuremark",  # who looks after a kind of failure, and until when it is muted: failures come and go
    "automate_halt",  # kill switches that are on
    "automate_keptanswer",  # to requests that named an idempotency key: they commit with the change
    "automate_llm_budget",  # what is spent and reserved: the rows that caps are held on
    "automate_llm_cachedanswer",
    "automate_llm_ledgerentry",
    "automate_llm_ledgermonth",  # totals of calls that the ledger has forgotten: accounts outlive the calls
    "automate_llm_preferences",
    "automate_matchdecision",
    "automate_outboundpace",
    "automate_outboxjob",
    "automate_policy",
    "automate_policyblock",
    "automate_queueplace",  # who waits for whom: concurrency and order
    "automate_runbulk",  # one action on many runs, and what became of each
    "automate_runbulkresult",
    "automate_runcount",  # how many runs began in a day or month, where policy limits them
    "automate_runstate",
    "automate_runwait",
    "automate_importedapi",  # what was read of documents of other people's APIs: a workspace's own, and not small
    "automate_savedview",  # filters of lists under a name: of members and keys, who are public, about rows that are not
    "automate_schedule",
    "automate_scheduletick",
    "automate_steprun",
    "automate_storedbacktest",  # what a background job has found so far
    "automate_webhookendpoint",
    "automate_workflow",
    "automate_workflowversion",
    "automate_notifications_choice",
    "automate_notifications_delivery",  # what is still to be mailed or posted, and the log of it
    "automate_notifications_destination",  # where a member's webhooks go: sealed with the workspace's key
    "automate_notifications_notification",  # it names workflows and errors: the workspace's own, deleted with it
    "automate_notifications_seen",
    "automate_governance_storedsecret",  # names and what is known of them
    "automate_governance_storedsecretversion",  # sealed values, kept apart so that no list reads them
    "django_migrations",
}
HOT = {"automate_event", "automate_dedupe", "automate_outboxjob", "automate_matchdecision", "automate_steprun"}

FOREIGN_KEYS = """
SELECT own.relname, space.nspname, other.relname
  FROM pg_constraint c
  JOIN pg_class own ON own.oid = c.conrelid JOIN pg_namespace mine ON mine.oid = own.relnamespace
  JOIN pg_class other ON other.oid = c.confrelid JOIN pg_namespace space ON space.oid = other.relnamespace
 WHERE c.contype = 'f' AND (mine.nspname = %s OR space.nspname = %s)
"""


@pytest.mark.django_db
def test_a_tenant_has_exactly_the_named_tables(tenant_a: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [tenant_a.ref.schema_name])
        assert {name for (name,) in cursor.fetchall()} == TABLES
    for label in ("automate", "automate_governance"):
        assert {model._meta.db_table for model in apps.get_app_config(label).get_models()} < TABLES


@pytest.mark.django_db
def test_no_foreign_key_leads_out_of_a_tenant_or_into_one_and_hot_tables_have_none(tenant_a: Workspace) -> None:
    schema = tenant_a.ref.schema_name
    with connection.cursor() as cursor:
        cursor.execute(FOREIGN_KEYS, [schema, schema])
        found = cursor.fetchall()

    assert found  # workflows and their versions
    assert {space for _, space, _ in found} == {schema}
    assert not {table for table, _, _ in found} & HOT


@pytest.mark.django_db
def test_every_row_about_an_event_or_a_run_can_carry_its_trace_id() -> None:
    for model in apps.get_app_config("automate").get_models():
        columns = {field.column for field in model._meta.get_fields() if hasattr(field, "column")}
        assert "trace_id" in columns or not columns & {"event_id", "run_id"}, model
