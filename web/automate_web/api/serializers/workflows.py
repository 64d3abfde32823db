"""Workflows, versions and problems."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automate.models import (
    Workflow,
)
from automate_web.api.serializers.fields import AnyJson, Input, JsonObject, Text, Time
from automate_web.api.serializers.summaries import VersionRef, WorkflowRef


class ActiveVersion(VersionRef):
    published_at = Time()


class WorkflowSummary(serializers.Serializer[Workflow]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["draft", "live", "disabled"])
    is_sample = serializers.BooleanField()
    draft_revision = serializers.IntegerField(help_text="For `If-Match`: rises with each saved change.")
    active_version = ActiveVersion(allow_null=True)
    created_at = Time()
    updated_at = Time()
    updated_by = serializers.CharField(help_text="Who changed it last, as the audit log names people and keys.")
    tags = serializers.ListField(child=serializers.CharField(), help_text="By which people find it.")


class LatestRun(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    status = serializers.CharField()
    created_at = Time()


class RecentRuns(serializers.Serializer[Any]):
    """What a workflow did in the last 24 hours."""

    total = serializers.IntegerField()
    is_capped = serializers.BooleanField(help_text="There were at least so many: only the newest were counted.")
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    success_percent = serializers.FloatField(
        source="percent", allow_null=True, help_text="Of those that succeeded or failed; null without any."
    )
    by_hour = serializers.ListField(
        child=serializers.IntegerField(), source="hours", help_text="24 counts, oldest first; the last hour until now."
    )
    latest = LatestRun(allow_null=True, help_text="The newest run, whenever that was.")


class WorkflowListed(WorkflowSummary):
    """A workflow in the list."""

    recent = serializers.SerializerMethodField(help_text="With `expand=recent`: its runs of the last 24 hours.")

    @extend_schema_field(RecentRuns(allow_null=True))
    def get_recent(self, workflow: Workflow) -> Any:
        found = self.context.get("recent", {}).get(workflow.pk)
        return None if found is None else RecentRuns(found).data


class WorkflowTrashed(WorkflowSummary):
    """A workflow in the trash."""

    removed_at = Time()
    purged_after = Time(help_text="It is purged by itself after this moment.")


class WorkflowChange(Input):
    """What shall be otherwise; what is not named stays."""

    tags = serializers.ListField(child=Text(max_length=60, allow_blank=True), required=False, max_length=50)
    is_enabled = serializers.BooleanField(required=False, help_text="Whether events start it. Needs workflows:publish.")
    live_version = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=2_147_483_647,
        help_text="Null makes it a draft again, a number makes that version of a draft live as it is. Needs "
        "workflows:publish.",
    )


class NewCopy(Input):
    """Names of the copy; without them the first free ones."""

    slug = Text(max_length=60, required=False, allow_null=True, default=None)
    name = Text(max_length=120, required=False, allow_null=True, default=None)


class WorkflowRestoration(Input):
    """How it comes back."""

    is_enabled = serializers.BooleanField(required=False, default=False, help_text="Needs workflows:publish.")


class WorkflowPurge(Input):
    """What must be meant."""

    name = Text(max_length=120, help_text="The workflow's name, exactly.")


class PurgedWorkflow(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    purged = serializers.BooleanField()


class WorkflowDependents(serializers.Serializer[Any]):
    """What stops working when the workflow does; its unfinished runs go on."""

    schedule = serializers.UUIDField(allow_null=True, help_text="Its schedule, while that goes.")
    endpoint = serializers.CharField(allow_null=True, help_text="A webhook that would start nothing any more.")
    event_type = serializers.CharField(allow_null=True, help_text="A type of event that would start nothing any more.")
    callers = WorkflowRef(many=True, help_text="A step of these runs it.")
    listeners = WorkflowRef(many=True, help_text="These start when it ends.")
    unfinished_runs = serializers.IntegerField(help_text="At most 1,000 are counted.")


class WorkflowDetail(WorkflowSummary):
    """A workflow and its draft: the whole definition being edited."""

    draft = JsonObject()


class Version(VersionRef):
    """An immutable snapshot of a definition: what runs."""

    trigger = JsonObject(source="trigger_spec")
    rule = AnyJson(help_text="JSONLogic; null matches every event of the trigger.")
    steps = serializers.ListField(child=serializers.DictField())
    options = JsonObject(help_text="Every other field of the definition: finally, deadline_seconds, policy…")
    note = serializers.CharField()
    published_by = serializers.CharField()
    published_at = Time()


class NewVersion(Input):
    """What to say about the version being published."""

    note = Text(max_length=300, required=False, allow_blank=True, default="")


class Problem(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer into the definition.")
    code = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(
        choices=["error", "warning"], help_text="A warning keeps nothing from being done."
    )


class Validation(serializers.Serializer[Any]):
    """Every problem of a definition; publishing it would be refused while one of them is an error."""

    valid = serializers.BooleanField()
    problems = Problem(many=True)
