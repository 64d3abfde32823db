from django.db import migrations, models

from automate.migrations._postgres import PostgresSQL

# Yesterday's code inserts rows without naming these columns, and Django drops a default once the column is there.
FORWARD = """
ALTER TABLE automate_executionrun ALTER COLUMN origin SET DEFAULT 'event', ALTER COLUMN attempt SET DEFAULT 1,
  ALTER COLUMN hops SET DEFAULT 0, ALTER COLUMN parent_step_id SET DEFAULT '',
  ALTER COLUMN concurrency_key SET DEFAULT '', ALTER COLUMN error_fingerprint SET DEFAULT '';
ALTER TABLE automate_outboxjob ALTER COLUMN order_key SET DEFAULT '';
ALTER TABLE automate_workflowversion ALTER COLUMN options SET DEFAULT '{}';
"""
BACKWARD = """
ALTER TABLE automate_executionrun ALTER COLUMN origin DROP DEFAULT, ALTER COLUMN attempt DROP DEFAULT,
  ALTER COLUMN hops DROP DEFAULT, ALTER COLUMN parent_step_id DROP DEFAULT,
  ALTER COLUMN concurrency_key DROP DEFAULT, ALTER COLUMN error_fingerprint DROP DEFAULT;
ALTER TABLE automate_outboxjob ALTER COLUMN order_key DROP DEFAULT;
ALTER TABLE automate_workflowversion ALTER COLUMN options DROP DEFAULT;
"""


class Migration(migrations.Migration):
    """Let a run be a graph that waits, has children and ends in order; what it waits for is a table."""

    dependencies = [
        ("automate", "0003_trace_id_everywhere"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunWait",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("run_id", models.UUIDField()),
                ("step_id", models.CharField(max_length=120)),
                ("item", models.PositiveIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[("event", "Event"), ("approval", "Approval"), ("child", "Child")], max_length=8
                    ),
                ),
                ("event_type", models.CharField(blank=True, default="", max_length=200)),
                ("rule", models.JSONField(null=True)),
                ("since", models.DateTimeField(null=True)),
                ("child_run_id", models.UUIDField(null=True)),
                ("details", models.JSONField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("answered", "Answered"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("answer", models.JSONField(null=True)),
                ("answered_by", models.CharField(blank=True, default="", max_length=200)),
                ("answered_at", models.DateTimeField(null=True)),
                ("trace_id", models.UUIDField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="executionrun",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="cancel_requested_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="concurrency_key",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="deadline_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="error_fingerprint",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="hops",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="origin",
            field=models.CharField(
                choices=[
                    ("event", "Event"),
                    ("direct", "Direct"),
                    ("child", "Child"),
                    ("schedule", "Schedule"),
                    ("retry", "Retry"),
                    ("replay", "Replay"),
                    ("redrive", "Redrive"),
                    ("batch", "Batch"),
                ],
                default="event",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="parent_item",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="parent_run_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="parent_step_id",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="retry_of",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="executionrun",
            name="root_run_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="outboxjob",
            name="order_key",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="outboxjob",
            name="order_seq",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="outboxjob",
            name="subject_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="steprun",
            name="sealed",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="workflowversion",
            name="options",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="steprun",
            name="step_id",
            field=models.CharField(max_length=120),
        ),
        migrations.AddIndex(
            model_name="executionrun",
            index=models.Index(
                condition=models.Q(("parent_run_id__isnull", False)), fields=["parent_run_id"], name="run_parent_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="runwait",
            index=models.Index(fields=["run_id"], name="wait_run_idx"),
        ),
        migrations.AddIndex(
            model_name="runwait",
            index=models.Index(
                condition=models.Q(("kind", "event"), ("status", "open")), fields=["event_type"], name="wait_event_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="runwait",
            index=models.Index(
                condition=models.Q(("kind", "approval"), ("status", "open")),
                fields=["created_at"],
                name="wait_approval_idx",
            ),
        ),
        PostgresSQL(FORWARD, BACKWARD),
    ]
