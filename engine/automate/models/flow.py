"""Flow control: places in queues, events gathered for one run, and what is halted."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class QueuePlace(models.Model):
    """A run's place in the queue of one key: waiting, or granted. It goes in the transaction that ends the run.

    A trigger of the database sees to that, whoever writes the run (`automate_leave_queue`), and grants the place to
    the next. The job of a run that waits is due at its deadline, unless a place makes it due before.
    """

    class Kind(models.TextChoices):
        SLOT = "slot"  # one of `cap` at the same time
        ORDER = "order"  # one after the other, by place
        HALT = "halt"  # until the workflow is resumed
        ALL = "all"  # one of the runs that policy lets the workspace have in hand; none while the run waits
        FLOW = "flow"  # the same of one workflow
        QUOTA = "quota"  # until the day or month ends in which no more runs may begin; granted: counted already
        MARK = "mark"  # one row, of no run: every event job up to `place` has been matched

    run_id = models.UUIDField()
    kind = models.CharField(max_length=5, choices=Kind.choices)
    key = models.CharField(max_length=200)  # the workflow's id and the key's value
    workflow_id = models.UUIDField()
    place = models.BigIntegerField()  # id of the event's job, or of the run's own: smaller came earlier
    cap = models.PositiveIntegerField(default=1)
    on_stuck = models.CharField(max_length=4, blank=True, default="")  # order: wait, skip, park
    asked_at = models.DateTimeField()
    granted_at = models.DateTimeField(null=True)
    trace_id = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run_id", "kind"], name="queue_place_once")]
        indexes = [models.Index(fields=["kind", "key", "place"], name="queue_key_idx")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.place}"


class EventBuffer(models.Model):
    """Matched events of one workflow and key that will make one run, when the buffer's tick job finds it due."""

    class Kind(models.TextChoices):
        DEBOUNCE = "debounce"
        BATCH = "batch"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow_id = models.UUIDField()
    version_id = models.UUIDField()
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    count = models.PositiveIntegerField()
    size = models.PositiveIntegerField(null=True)  # batch: due at once when so many are in
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()  # debounce: moves with each event, up to `until_at`
    until_at = models.DateTimeField(null=True)
    tick_job_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow_id", "key"], name="event_buffer_once")]
        indexes = [models.Index(fields=["tick_job_id"], name="event_buffer_tick_idx")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.count}"


class BufferedEvent(models.Model):
    """One event in a buffer, in the order in which events came."""

    buffer_id = models.UUIDField()
    event_id = models.UUIDField()
    trace_id = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["buffer_id", "event_id"], name="buffered_event_once")]
        indexes = [models.Index(fields=["event_id"], name="buffered_event_idx")]

    def __str__(self) -> str:
        return f"{self.event_id} in {self.buffer_id}"


class RunCount(models.Model):
    """How many runs began in a day ("2026-11-22") or a month ("2026-11"), where policy limits them."""

    scope = models.CharField(max_length=36, blank=True)  # "" is the workspace, else a workflow's id
    period = models.CharField(max_length=10)
    used = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "period"], name="run_count_once")]

    def __str__(self) -> str:
        return f"{self.used} in {self.period}"


class Halt(models.Model):
    """A kill switch that is on: of the workflow with this id, or of everything here (`EVERYTHING`)."""

    id = models.UUIDField(primary_key=True, editable=False)
    halted_at = models.DateTimeField()
    halted_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"halt of {self.id}"
