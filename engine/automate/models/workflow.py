"""Workflows: a draft that people edit, and the immutable versions that run."""

from __future__ import annotations

from typing import Any

from django.db import models

from automate.ids import new_id


class WorkflowQuerySet(models.QuerySet["Workflow"]):
    """Workflows by what people may still do with them."""

    def kept(self) -> WorkflowQuerySet:
        """Those that were not removed."""
        return self.filter(removed_at=None)

    def in_trash(self) -> WorkflowQuerySet:
        """Those that were removed and can be brought back."""
        return self.exclude(removed_at=None).filter(purged_at=None)


class Workflow(models.Model):
    """A named workflow. `draft` is the whole definition being edited; what runs is `active_version`.

    A removed workflow is in the trash: disabled, in no list, and can be brought back. Purged it cannot: its draft is
    gone and its slug is free; the row and its versions leave when nothing that ran is left of it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    draft = models.JSONField()
    draft_revision = models.PositiveIntegerField(default=1)  # a publish or save names the revision it saw
    active_version = models.ForeignKey(
        "automate.WorkflowVersion", null=True, on_delete=models.PROTECT, related_name="+"
    )
    is_enabled = models.BooleanField(default=True)
    is_sample = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=200, blank=True, default="")  # as the audit log names people and keys
    tags = models.JSONField(default=list)  # [name, ...], sorted; for finding it, nothing that runs asks for them
    removed_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["updated_at", "id"], name="workflow_updated_idx")]

    def __str__(self) -> str:
        return self.slug

    @property
    def state(self) -> str:
        """draft, live or disabled: the words of every screen."""
        if self.active_version_id is None:
            return "draft"
        return "live" if self.is_enabled else "disabled"


class WorkflowVersion(models.Model):
    """An immutable snapshot of a definition; a trigger in the database refuses every UPDATE and DELETE."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="versions")
    version_num = models.PositiveIntegerField()
    trigger_spec = models.JSONField()  # {"type": "webhook", "endpoint": slug} | {"type": "event", "event_type": name}
    rule = models.JSONField(null=True)  # JSONLogic; null matches every event of the trigger
    steps = models.JSONField()
    options = models.JSONField(default=dict)  # every other part of the definition: finally, deadline_seconds, ...
    note = models.CharField(max_length=300, blank=True)
    published_by = models.CharField(max_length=200)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "version_num"], name="version_num_once")]

    def __str__(self) -> str:
        return f"{self.workflow_id} v{self.version_num}"

    @property
    def parts(self) -> dict[str, Any]:
        """What decides how it runs: trigger, rule, steps and every option."""
        return {"trigger": self.trigger_spec, "rule": self.rule, "steps": self.steps, **self.options}

    @property
    def running_options(self) -> dict[str, Any]:
        """The options that a worker reads: test cases are for publishing."""
        return {name: value for name, value in self.options.items() if name != "tests"}

    @property
    def definition(self) -> dict[str, Any]:
        """The document that would publish this version again; its note, where it has one, included."""
        note = {"note": self.note} if self.note else {}
        return {"slug": self.workflow.slug, "name": self.workflow.name, **note, **self.parts}
