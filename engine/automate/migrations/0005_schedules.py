import django.db.models.deletion
from django.db import migrations, models

import automate.ids


class Migration(migrations.Migration):
    """Keep each workflow's clock, and what became of each due time."""

    dependencies = [
        ("automate", "0004_run_graph"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduleTick",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("schedule_id", models.UUIDField()),
                ("due_at", models.DateTimeField()),
                ("until_at", models.DateTimeField(null=True)),
                ("count", models.PositiveIntegerField(default=1)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("fired", "Fired"),
                            ("caught_up", "Caught Up"),
                            ("skipped", "Skipped"),
                            ("queued", "Queued"),
                            ("manual", "Manual"),
                            ("failed", "Failed"),
                        ],
                        max_length=9,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("event_id", models.UUIDField(null=True)),
                ("trace_id", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["schedule_id", "id"], name="schedule_history_idx")],
                "constraints": [models.UniqueConstraint(fields=("schedule_id", "due_at"), name="schedule_due_once")],
            },
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[
                (
                    "id",
                    models.UUIDField(default=automate.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(choices=[("cron", "Cron"), ("absence", "Absence")], max_length=7)),
                ("spec", models.JSONField()),
                ("is_active", models.BooleanField(default=True)),
                ("is_paused", models.BooleanField(default=False)),
                ("base_at", models.DateTimeField()),
                ("is_silent", models.BooleanField(default=False)),
                ("next_at", models.DateTimeField(null=True)),
                ("tick_job_id", models.BigIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "workflow",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="schedule", to="automate.workflow"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tick_job_id"], name="schedule_tick_job_idx")],
            },
        ),
    ]
